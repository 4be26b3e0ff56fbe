"""Jobs, ways to do them, and what is missing."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path


@dataclass(frozen=True)
class Job:
    key: str
    title: str
    tasks: int
    #: How many are enough to see that it works.
    few: int


JOBS = [
    Job("fan-out", "ready fan-out", 100_000, 1_000),
    Job("bounded", "bounded, 64 at once", 1_000_000, 1_000),
    Job("first-error", "first error", 10_000, 200),
    Job("all-errors", "all errors", 100_000, 1_000),
]

ALL = tuple(job.key for job in JOBS)


@dataclass(frozen=True)
class Way:
    """A way to do jobs: a command to which the key, the job and its numbers are appended."""

    language: str
    key: str
    name: str
    command: tuple[str, ...]
    jobs: tuple[str, ...] = ALL
    env: tuple[tuple[str, str], ...] = ()
    #: The jobs in which this is what the others are set beside.
    ours: tuple[str, ...] = ()


@dataclass(frozen=True)
class Missing:
    """What could not be run here, and how it can be had."""

    language: str
    what: str
    how: str


@dataclass
class Found:
    """What a language has here."""

    ways: list[Way] = field(default_factory=list)
    missing: list[Missing] = field(default_factory=list)
    versions: dict[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Place:
    """Where the programs are, and where all that is built or installed goes."""

    sources: Path
    target: Path
    #: Whether packages may be installed into `built`.
    install: bool

    @property
    def built(self) -> Path:
        return self.target / "languages"
