package main

import (
	"context"
	"errors"
	"runtime"
	"sync"
	"sync/atomic"
)

// The jobs by sync.WaitGroup, with the errors in a slice that errors.Join makes one of.

type collector struct {
	tasks sync.WaitGroup
	lock  sync.Mutex
	errs  []error
}

func (c *collector) start(task func() error) {
	c.tasks.Add(1)
	go func() {
		defer c.tasks.Done()
		if err := task(); err != nil {
			c.lock.Lock()
			c.errs = append(c.errs, err)
			c.lock.Unlock()
		}
	}()
}

func (c *collector) wait() error {
	c.tasks.Wait()
	return errors.Join(c.errs...)
}

func waitFanOut(tasks int) int {
	var ran int64
	var all collector
	for task := 0; task < tasks; task++ {
		all.start(func() error {
			atomic.AddInt64(&ran, 1)
			return nil
		})
	}
	if err := all.wait(); err != nil {
		panic(err)
	}
	return int(ran)
}

func waitBounded(tasks int) int {
	var ran int64
	var all collector
	slots := make(chan struct{}, limit)
	for task := 0; task < tasks; task++ {
		slots <- struct{}{}
		all.start(func() error {
			defer func() { <-slots }()
			runtime.Gosched()
			atomic.AddInt64(&ran, 1)
			return nil
		})
	}
	if err := all.wait(); err != nil {
		panic(err)
	}
	return int(ran)
}

func waitFirstError(tasks int) int {
	var waiting, cancelled int64
	var all collector
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	for task := 1; task < tasks; task++ {
		// Nothing is sent: it is what the task waits for.
		never := make(chan struct{})
		all.start(func() error {
			atomic.AddInt64(&waiting, 1)
			select {
			case <-never:
			case <-ctx.Done():
				atomic.AddInt64(&cancelled, 1)
			}
			return nil
		})
	}
	all.start(func() error {
		defer cancel()
		for atomic.LoadInt64(&waiting) < int64(tasks-1) {
			runtime.Gosched()
		}
		return &taskError{tasks - 1}
	})
	if all.wait() == nil {
		panic("one task fails")
	}
	return int(cancelled)
}

func waitAllErrors(tasks int) int {
	var all collector
	for task := 0; task < tasks; task++ {
		task := task
		all.start(func() error { return &taskError{task} })
	}
	joined, ok := all.wait().(interface{ Unwrap() []error })
	if !ok {
		panic("all tasks fail")
	}
	return len(joined.Unwrap())
}
