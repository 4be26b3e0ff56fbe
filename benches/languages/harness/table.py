"""What is printed: the machine, a table for each job, the bars, and what is missing."""

from __future__ import annotations

from .model import Job, Missing
from .measure import Row


def ours(job: Job, rows: list[Row]) -> float | None:
    """The figure that the others are set beside."""
    return next((row.median for row in rows if job.key in row.way.ours), None)


def ratio(row: Row, beside: float | None) -> float | None:
    return row.median / beside if row.median and beside else None


def print_head(machine: dict[str, str], versions: dict[str, str]) -> None:
    for name, value in {**machine, **versions}.items():
        print(f"{name:<20}{value}")


def print_job(job: Job, tasks: int, rows: list[Row], test: bool) -> None:
    print(f"\n{job.title}: {tasks:,} tasks")
    if not test:
        print(f"{'':<38}{'ns a task':<33}{'peak memory, MB'}")
    times = f"{'median':>8}  {'least':>8} {'most':>8} {'ratio':>7}"
    memory = f"{'job':>8}{'1 task':>8}{'more':>8}"
    print(f"{'language':<12}{'way':<24}{'' if test else times + memory}".rstrip())
    beside = ours(job, rows)
    for row in rows:
        print(f"{row.way.language:<12}{row.way.name:<24}{cells(row, beside, test)}")


def cells(row: Row, beside: float | None, test: bool) -> str:
    if row.failure:
        return f"  FAILED: {row.failure}"
    if test:
        return "  works"
    times = f"{short(row.median):>8}  {short(min(row.ns)):>8} {short(max(row.ns)):>8}"
    by_ours = ratio(row, beside)
    # Where the tasks take next to nothing, either may be a little larger.
    memory = [row.peak, row.one_task, max(row.peak - row.one_task, 0)]
    megabytes = "".join(f"{kilobytes / 1024:>8.1f}" for kilobytes in memory)
    return f"{times} {short(by_ours) if by_ours else '-':>7}{megabytes}"


def short(figure: float) -> str:
    return f"{figure:,.2f}" if figure < 10 else f"{figure:,.0f}"


def print_missing(missing: list[Missing]) -> None:
    if missing:
        print("\nnot run here:")
    for one in missing:
        print(f"  {one.language}: {one.what} is missing: {one.how}")


def as_json(job: Job, tasks: int, rows: list[Row]) -> list[dict[str, object]]:
    beside = ours(job, rows)
    return [{
        "job": job.key, "tasks": tasks, "language": row.way.language, "way": row.way.name,
        "failure": row.failure, "ns": row.ns, "median": row.median, "ratio": ratio(row, beside),
        "peak_kilobytes": row.peak, "one_task_kilobytes": row.one_task,
    } for row in rows]
