"""Runs a way as a process of its own, and takes its figures."""

from __future__ import annotations

import json
import os
import statistics
import tempfile
from dataclasses import dataclass, field
from pathlib import Path

from .model import Job, Place, Way
from .shell import Failed, output

#: The longest that one process takes before it is given up, in seconds.
TIMEOUT = 600

#: No option that is set outside of here takes part.
FIXED = {"JAVA_TOOL_OPTIONS": "", "JDK_JAVA_OPTIONS": "", "NODE_OPTIONS": "",
         "PYTHONDONTWRITEBYTECODE": "1", "GOGC": "100", "GODEBUG": ""}


@dataclass
class Row:
    """What a way has come to in a job."""

    way: Way
    ns: list[float] = field(default_factory=list)
    #: In kilobytes: of the job, and of the same program with one task.
    peak: int | None = None
    one_task: int | None = None
    failure: str | None = None

    @property
    def median(self) -> float | None:
        return statistics.median(self.ns) if self.ns and not self.failure else None


@dataclass(frozen=True)
class Effort:
    """How much is measured."""

    rounds: int
    #: Both in milliseconds.
    warm_up: int
    span: int
    #: Each job has few tasks: it is only to be seen that it works.
    test: bool

    def tasks(self, job: Job) -> int:
        return job.few if self.test else job.tasks


def time(way: Way, job: Job, effort: Effort) -> list[float]:
    """Nanoseconds a task, of each run of one process."""
    numbers = [effort.tasks(job), effort.warm_up, effort.span]
    said = run(way, [job.key, *map(str, numbers)])
    try:
        line = json.loads(said)
        figures = [float(figure) for figure in line["ns"]]
    except (ValueError, KeyError, TypeError) as error:
        raise Failed(f"it did not print its figures, but {said[:80]!r}") from error
    if line["job"] != job.key or line["tasks"] != effort.tasks(job) or not figures:
        raise Failed("it did another job")
    return figures


def peak(place: Place, way: Way, job: str, tasks: int) -> int:
    """The kilobytes that a process took at most, for one run without a warm-up."""
    launcher = place.target / "release" / "nestling-languages-peak"
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "peak"
        run(way, [job, str(tasks), "0", "0"], before=[str(launcher), str(file)])
        return int(file.read_text())


def run(way: Way, arguments: list[str], before: list[str] | None = None) -> str:
    command = [*(before or []), *way.command, way.key, *arguments]
    return output(*command, env={**FIXED, **dict(way.env)}, timeout=TIMEOUT)


def pin(core: int | None) -> str:
    """Keeps this process and all that it starts on one core, and says on which."""
    if not hasattr(os, "sched_setaffinity"):
        return "not pinned: this system cannot"
    core = min(os.sched_getaffinity(0)) if core is None else core
    os.sched_setaffinity(0, {core})
    return f"core {core}"
