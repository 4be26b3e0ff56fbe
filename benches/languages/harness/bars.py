"""How many times as fast as others ours has to be, on one core."""

from __future__ import annotations

from dataclasses import dataclass

from .measure import Row
from .model import Job
from .table import ours, ratio

#: For ways by their language and key.
BARS = {("Go", "errgroup"): 10, ("Python", "trio"): 50, ("Python", "asyncio"): 50}


@dataclass(frozen=True)
class Verdict:
    way: str
    job: str
    at_least: int
    ratio: float

    @property
    def holds(self) -> bool:
        return self.ratio >= self.at_least


def judge(job: Job, rows: list[Row]) -> list[Verdict]:
    verdicts = []
    for row in rows:
        at_least = BARS.get((row.way.language, row.way.key))
        by_ours = ratio(row, ours(job, rows))
        if at_least and by_ours:
            name = f"{row.way.language} {row.way.name}"
            verdicts.append(Verdict(name, job.title, at_least, by_ours))
    return verdicts


def print_verdicts(verdicts: list[Verdict]) -> None:
    if not verdicts:
        return
    print(f"\n{'bar':<36}{'job':<24}{'at least':>8}{'ratio':>8}")
    for one in sorted(verdicts, key=lambda verdict: verdict.way):
        held = "holds" if one.holds else "MISSED"
        print(f"{one.way:<36}{one.job:<24}{one.at_least:>8}{one.ratio:>8.1f}  {held}")
