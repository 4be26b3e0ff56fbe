"""Python: Trio, anyio and the standard library's TaskGroup."""

from __future__ import annotations

import re
import sys
from pathlib import Path

from .model import Found, Missing, Place, Way
from .shell import Failed, output, say

#: `TaskGroup` and exception groups came with it.
OLDEST = (3, 11)

#: Since these versions the libraries raise the exception groups of Python itself.
LIBRARIES = {"trio": ("Trio", (0, 22)), "anyio": ("anyio, on asyncio", (4, 0))}


def find(place: Place) -> Found:
    if place.install and not all(has(interpreter(place), name) for name in LIBRARIES):
        installed(place, "-r", str(place.sources / "python" / "requirements.txt"))
    python = interpreter(place)
    number = output(python, "-c", "import sys; print(*sys.version_info[:3], sep='.')")
    if tuple(map(int, number.split(".")))[:2] < OLDEST:
        how = "start this script with a newer Python"
        return Found(missing=[Missing("Python", "Python 3.11 or newer", how)])
    found = Found(versions={"Python": number})
    command = (python, str(place.sources / "python" / "bench.py"))
    found.ways.append(Way("Python", "asyncio", "asyncio TaskGroup", command))
    for name, (title, oldest) in LIBRARIES.items():
        if version := has(python, name):
            found.versions[name] = version
            found.ways.append(Way("Python", name, title, command))
        else:
            what = f"the package {name}, {oldest[0]}.{oldest[1]} or newer"
            found.missing.append(Missing("Python", what, "`--install` has it from PyPI"))
    return found


def interpreter(place: Place) -> str:
    own = place.built / "python" / "bin" / "python"
    return str(own) if own.exists() else sys.executable


def has(python: str, package: str) -> str | None:
    """The version of the package, if it is there and new enough."""
    ask = f"import importlib.metadata as m; print(m.version({package!r}))"
    try:
        version = output(python, "-c", ask)
    except Failed:
        return None
    numbers = tuple(map(int, re.findall(r"\d+", version)[:2]))
    return version if numbers >= LIBRARIES[package][1] else None


def installed(place: Place, *packages: str) -> bool:
    """Installs packages of PyPI into an environment of their own."""
    say(f"installing {' '.join(Path(name).name for name in packages if name != '-r')} from PyPI")
    folder = place.built / "python"
    try:
        if not (folder / "bin" / "python").exists():
            output(sys.executable, "-m", "venv", folder)
        output(folder / "bin" / "python", "-m", "pip", "install", "--quiet", *packages)
    except Failed as failed:
        say(f"  {failed}")
        return False
    return True
