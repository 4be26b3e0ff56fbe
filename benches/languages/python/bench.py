"""The four jobs in Python: one job a process. ../README.md says what each job is."""

import importlib
import json
import sys
import time

# However short a job is, more figures tell no more.
MAX_RUNS = 99


def job_result(job, tasks):
    """The tasks that ran, were cancelled, or have an error that was collected."""
    return tasks - 1 if job == "first-error" else tasks


def main():
    way, job, *numbers = sys.argv[1:]
    tasks, warm_up, span = map(int, numbers)
    run = importlib.import_module(f"by_{way}").JOBS[job]

    start = time.monotonic()
    while time.monotonic() - start < warm_up / 1000:
        run(max(tasks // 10, 1))
    figures, start = [], time.monotonic()
    while not figures or (time.monotonic() - start < span / 1000 and len(figures) < MAX_RUNS):
        one = time.perf_counter_ns()
        result = run(tasks)
        figures.append(round((time.perf_counter_ns() - one) / tasks, 1))
        if result != job_result(job, tasks):
            sys.exit(f"{way} does not do {job} as it should: {result}")
    print(json.dumps({"way": way, "job": job, "tasks": tasks, "ns": figures}))


main()
