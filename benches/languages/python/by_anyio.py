"""The jobs by anyio's task groups, on asyncio, which is its default."""

import anyio

from task_error import LIMIT, TaskError


async def fan_out(tasks):
    ran = 0

    async def task():
        nonlocal ran
        ran += 1

    async with anyio.create_task_group() as group:
        for _ in range(tasks):
            group.start_soon(task)
    return ran


async def bounded(tasks):
    ran = 0
    limiter = anyio.CapacityLimiter(LIMIT)

    async def task(slot):
        nonlocal ran
        try:
            await anyio.lowlevel.checkpoint()
            ran += 1
        finally:
            limiter.release_on_behalf_of(slot)

    async with anyio.create_task_group() as group:
        for slot in range(tasks):
            await limiter.acquire_on_behalf_of(slot)
            group.start_soon(task, slot)
    return ran


async def first_error(tasks):
    waiting = cancelled = 0

    async def wait():
        nonlocal waiting, cancelled
        waiting += 1
        try:
            # Nothing sets it: it is what the task waits for.
            await anyio.Event().wait()
        except anyio.get_cancelled_exc_class():
            cancelled += 1
            raise

    async def fail():
        while waiting < tasks - 1:
            await anyio.lowlevel.checkpoint()
        raise TaskError(tasks - 1)

    try:
        async with anyio.create_task_group() as group:
            for _ in range(1, tasks):
                group.start_soon(wait)
            group.start_soon(fail)
    except* TaskError:
        pass
    return cancelled


async def all_errors(tasks):
    async def task(number):
        raise TaskError(number)

    try:
        async with anyio.create_task_group() as group:
            for number in range(tasks):
                group.start_soon(task, number)
    except ExceptionGroup as errors:
        return len(errors.exceptions)


JOBS = {
    "fan-out": lambda tasks: anyio.run(fan_out, tasks),
    "bounded": lambda tasks: anyio.run(bounded, tasks),
    "first-error": lambda tasks: anyio.run(first_error, tasks),
    "all-errors": lambda tasks: anyio.run(all_errors, tasks),
}
