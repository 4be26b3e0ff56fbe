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
    way, *rest = sys.argv[1:]
    module = importlib.import_module(f"by_{way}")
    if not rest:
        # Nothing is asked: what the process takes by itself, with the library.
        return
    job, tasks, warm_up, span = rest[0], *map(int, rest[1:])
    run = module.JOBS[job]

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
