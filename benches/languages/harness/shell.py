"""Commands that build, install and ask for versions."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path


class Failed(Exception):
    """A command ended with an error. Its text is the last that it said."""


def say(text: str) -> None:
    """Tells what goes on, beside the output."""
    print(text, file=sys.stderr, flush=True)


def output(*command: str | Path, env: dict[str, str] | None = None, timeout: float = 900,
           cwd: Path | None = None) -> str:
    try:
        done = subprocess.run(
            [str(part) for part in command], env={**os.environ, **(env or {})}, cwd=cwd,
            stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=timeout, check=False)
    except (OSError, subprocess.TimeoutExpired) as error:
        raise Failed(str(error)) from error
    if done.returncode != 0:
        said = (done.stderr.strip() or done.stdout.strip() or "it said nothing").splitlines()
        raise Failed(f"{Path(command[0]).name} ended with {done.returncode}: {told(said)}")
    return done.stdout.strip()


def told(said: list[str]) -> str:
    """The line of an output that says most: the first that names an error, or the last."""
    named = (line.strip() for line in said if "error" in line.lower())
    return next(named, said[-1].strip())[:200]


def newer(built: Path, sources: list[Path]) -> bool:
    """Whether `built` was made after all of `sources`."""
    return built.exists() and all(
        source.stat().st_mtime < built.stat().st_mtime for source in sources)
