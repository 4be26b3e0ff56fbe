"""Kotlin: coroutineScope and supervisorScope."""

from __future__ import annotations

import os
import re
import shutil
import zipfile
from pathlib import Path

from .java import OPTIONS, best
from .javascript import installed
from .model import Found, Missing, Place, Way
from .shell import Failed, newer, output, say

NEEDS = ("kotlin-compiler.jar", "kotlin-stdlib.jar", "kotlinx-coroutines-core-jvm.jar")


def find(place: Place) -> Found:
    java = best(place)
    if java is None:
        how = "install Java; Debian has default-jre-headless"
        return Found(missing=[Missing("Kotlin", "Java", how)])
    lib = library(place)
    if lib is None:
        how = "`--install` has the package kotlin-compiler of npm; or install kotlinc"
        return Found(missing=[Missing("Kotlin", "its compiler, with kotlinx-coroutines", how)])
    compiler, *jars = [str(lib / name) for name in NEEDS]
    program = str(java.home / "bin" / "java")
    source, folder = place.sources / "kotlin" / "jobs.kt", place.built / "kotlin-jobs"
    if not newer(folder / "JobsKt.class", [source]):
        say("building jobs.kt")
        # Its start script needs bash, and takes whatever Java comes first.
        start = [program, "-cp", compiler, "org.jetbrains.kotlin.cli.jvm.K2JVMCompiler"]
        try:
            output(*start, "-no-stdlib", "-no-reflect", "-cp", os.pathsep.join(jars),
                   "-d", folder, source)
        except Failed as failed:
            return Found(missing=[Missing("Kotlin", "a program that builds", str(failed))])
    path = os.pathsep.join([str(folder), *jars])
    command = (program, *OPTIONS, "-cp", path, "JobsKt")
    return Found(
        ways=[Way("Kotlin", "scope", "coroutine scopes", command)],
        versions={"Kotlin": jar_version(jars[0]), "kotlinx-coroutines": jar_version(jars[1])},
    )


def library(place: Place) -> Path | None:
    """Where the compiler's jars are."""
    on_path = shutil.which("kotlinc")
    own = place.built / "kotlin" / "node_modules" / "kotlin-compiler" / "lib"
    libs = [Path(on_path).resolve().parent.parent / "lib"] if on_path else []
    libs.append(own)
    for lib in libs:
        if all((lib / name).exists() for name in NEEDS):
            return lib
    if place.install and installed(place, "kotlin", "kotlin-compiler"):
        return own
    return None


def jar_version(jar: str) -> str:
    """What the jar says of itself."""
    with zipfile.ZipFile(jar) as content:
        for name in content.namelist():
            if re.fullmatch(r"META-INF/.*core\.version", name):
                return content.read(name).decode().strip()
        manifest = content.read("META-INF/MANIFEST.MF").decode()
    version = re.search(r"Implementation-Version: (\S+)", manifest)
    return version.group(1) if version else "of a version that it does not say"
