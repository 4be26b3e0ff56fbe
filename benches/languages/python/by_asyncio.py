"""The jobs by the `TaskGroup` of the standard library."""

import asyncio

from task_error import LIMIT, TaskError


async def fan_out(tasks):
    ran = 0

    async def task():
        nonlocal ran
        ran += 1

    async with asyncio.TaskGroup() as group:
        for _ in range(tasks):
            group.create_task(task())
    return ran


async def bounded(tasks):
    ran = 0
    limiter = asyncio.Semaphore(LIMIT)

    async def task():
        nonlocal ran
        try:
            await asyncio.sleep(0)
            ran += 1
        finally:
            limiter.release()

    async with asyncio.TaskGroup() as group:
        for _ in range(tasks):
            await limiter.acquire()
            group.create_task(task())
    return ran


async def first_error(tasks):
    waiting = cancelled = 0

    async def wait():
        nonlocal waiting, cancelled
        waiting += 1
        try:
            # Nothing sets it: it is what the task waits for.
            await asyncio.Event().wait()
        except asyncio.CancelledError:
            cancelled += 1
            raise

    async def fail():
        while waiting < tasks - 1:
            await asyncio.sleep(0)
        raise TaskError(tasks - 1)

    try:
        async with asyncio.TaskGroup() as group:
            for _ in range(1, tasks):
                group.create_task(wait())
            group.create_task(fail())
    except* TaskError:
        pass
    return cancelled


async def all_errors(tasks):
    async def task(number):
        raise TaskError(number)

    try:
        async with asyncio.TaskGroup() as group:
            for number in range(tasks):
                group.create_task(task(number))
    except ExceptionGroup as errors:
        return len(errors.exceptions)


JOBS = {
    "fan-out": lambda tasks: asyncio.run(fan_out(tasks)),
    "bounded": lambda tasks: asyncio.run(bounded(tasks)),
    "first-error": lambda tasks: asyncio.run(first_error(tasks)),
    "all-errors": lambda tasks: asyncio.run(all_errors(tasks)),
}
