package main

import (
	"context"
	"runtime"
	"sync/atomic"

	"golang.org/x/sync/errgroup"
)

// The jobs by errgroup. It keeps the first error only, so it cannot collect all.

func groupFanOut(tasks int) int {
	var ran int64
	var group errgroup.Group
	for task := 0; task < tasks; task++ {
		group.Go(func() error {
			atomic.AddInt64(&ran, 1)
			return nil
		})
	}
	if err := group.Wait(); err != nil {
		panic(err)
	}
	return int(ran)
}

func groupBounded(tasks int) int {
	var ran int64
	var group errgroup.Group
	group.SetLimit(limit)
	for task := 0; task < tasks; task++ {
		group.Go(func() error {
			runtime.Gosched()
			atomic.AddInt64(&ran, 1)
			return nil
		})
	}
	if err := group.Wait(); err != nil {
		panic(err)
	}
	return int(ran)
}

func groupFirstError(tasks int) int {
	var waiting, cancelled int64
	group, ctx := errgroup.WithContext(context.Background())
	for task := 1; task < tasks; task++ {
		// Nothing is sent: it is what the task waits for.
		never := make(chan struct{})
		group.Go(func() error {
			atomic.AddInt64(&waiting, 1)
			select {
			case <-never:
				return nil
			case <-ctx.Done():
				atomic.AddInt64(&cancelled, 1)
				return ctx.Err()
			}
		})
	}
	group.Go(func() error {
		for atomic.LoadInt64(&waiting) < int64(tasks-1) {
			runtime.Gosched()
		}
		return &taskError{tasks - 1}
	})
	if _, ok := group.Wait().(*taskError); !ok {
		panic("the first error is that of the task that fails")
	}
	return int(cancelled)
}
