"""The jobs by Trio's nurseries."""

import trio

from task_error import LIMIT, TaskError


async def fan_out(tasks):
    ran = 0

    async def task():
        nonlocal ran
        ran += 1

    async with trio.open_nursery() as nursery:
        for _ in range(tasks):
            nursery.start_soon(task)
    return ran


async def bounded(tasks):
    ran = 0
    limiter = trio.CapacityLimiter(LIMIT)

    async def task(slot):
        nonlocal ran
        try:
            await trio.lowlevel.checkpoint()
            ran += 1
        finally:
            limiter.release_on_behalf_of(slot)

    async with trio.open_nursery() as nursery:
        for slot in range(tasks):
            await limiter.acquire_on_behalf_of(slot)
            nursery.start_soon(task, slot)
    return ran


async def first_error(tasks):
    waiting = cancelled = 0

    async def wait():
        nonlocal waiting, cancelled
        waiting += 1
        try:
            # Nothing sets it: it is what the task waits for.
            await trio.Event().wait()
        except trio.Cancelled:
            cancelled += 1
            raise

    async def fail():
        while waiting < tasks - 1:
            await trio.lowlevel.checkpoint()
        raise TaskError(tasks - 1)

    try:
        async with trio.open_nursery() as nursery:
            for _ in range(1, tasks):
                nursery.start_soon(wait)
            nursery.start_soon(fail)
    except* TaskError:
        pass
    return cancelled


async def all_errors(tasks):
    async def task(number):
        raise TaskError(number)

    try:
        async with trio.open_nursery() as nursery:
            for number in range(tasks):
                nursery.start_soon(task, number)
    except ExceptionGroup as group:
        return len(group.exceptions)


JOBS = {
    "fan-out": lambda tasks: trio.run(fan_out, tasks),
    "bounded": lambda tasks: trio.run(bounded, tasks),
    "first-error": lambda tasks: trio.run(first_error, tasks),
    "all-errors": lambda tasks: trio.run(all_errors, tasks),
}
