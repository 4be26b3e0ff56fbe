// The four jobs in Go: one job a process. ../README.md says what each job is.
package main

import (
	"encoding/json"
	"fmt"
	"os"
	"strconv"
	"time"
)

// How many tasks of the bounded job run at once.
const limit = 64

// However short a job is, more figures tell no more.
const maxRuns = 99

// The error of each task that fails.
type taskError struct{ task int }

func (e *taskError) Error() string { return fmt.Sprintf("task %d failed", e.task) }

// A job is done with so many tasks, and counts what jobResult says.
var jobs = map[string]func(tasks int) int{
	"errgroup fan-out":      groupFanOut,
	"errgroup bounded":      groupBounded,
	"errgroup first-error":  groupFirstError,
	"waitgroup fan-out":     waitFanOut,
	"waitgroup bounded":     waitBounded,
	"waitgroup first-error": waitFirstError,
	"waitgroup all-errors":  waitAllErrors,
}

// The tasks that ran, were cancelled, or have an error that was collected.
func jobResult(job string, tasks int) int {
	if job == "first-error" {
		return tasks - 1
	}
	return tasks
}

func main() {
	if len(os.Args) != 6 {
		panic("jobs WAY JOB TASKS WARM_UP_MS SPAN_MS")
	}
	way, job := os.Args[1], os.Args[2]
	var numbers [3]int
	for i, arg := range os.Args[3:] {
		number, err := strconv.Atoi(arg)
		if err != nil {
			panic(err)
		}
		numbers[i] = number
	}
	tasks := numbers[0]
	warmUp := time.Duration(numbers[1]) * time.Millisecond
	span := time.Duration(numbers[2]) * time.Millisecond
	run := jobs[way+" "+job]
	if run == nil {
		panic(way + " does not do " + job)
	}

	for start := time.Now(); time.Since(start) < warmUp; {
		run(max(tasks/10, 1))
	}
	var figures []float64
	again := func(start time.Time) bool { return time.Since(start) < span && len(figures) < maxRuns }
	for start := time.Now(); len(figures) == 0 || again(start); {
		one := time.Now()
		result := run(tasks)
		figures = append(figures, float64(time.Since(one).Nanoseconds())/float64(tasks))
		if result != jobResult(job, tasks) {
			panic(fmt.Sprintf("%s does not do %s as it should: %d", way, job, result))
		}
	}
	line, err := json.Marshal(map[string]any{"way": way, "job": job, "tasks": tasks, "ns": figures})
	if err != nil {
		panic(err)
	}
	fmt.Println(string(line))
}

func max(a, b int) int {
	if a > b {
		return a
	}
	return b
}
