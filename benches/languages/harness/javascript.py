"""JavaScript: promises, and Effect."""

from __future__ import annotations

import json
import shutil

from .model import Found, Missing, Place, Way
from .shell import Failed, output, say

#: An `AbortSignal` has its reason since then.
OLDEST = 18


def find(place: Place) -> Found:
    node = shutil.which("node")
    number = output(node, "--version") if node else ""
    if node is None or int(number.lstrip("v").split(".")[0]) < OLDEST:
        how = "install it; Debian has it as nodejs"
        return Found(missing=[Missing("JavaScript", f"Node {OLDEST} or newer", how)])
    # A program finds packages beside itself only.
    folder = place.built / "javascript"
    shutil.copytree(place.sources / "javascript", folder, dirs_exist_ok=True)
    effect = folder / "node_modules" / "effect" / "package.json"
    if place.install and not effect.exists():
        installed(place, "javascript")
    command = (node, str(folder / "jobs.mjs"))
    found = Found(
        ways=[Way("JavaScript", "promise", "Promise", command)],
        versions={"Node": number},
    )
    if effect.exists():
        found.versions["Effect"] = json.loads(effect.read_text())["version"]
        found.ways.append(Way("JavaScript", "effect", "Effect", command))
    else:
        how = "`--install` has it from npm"
        found.missing.append(Missing("JavaScript", "the package effect", how))
    return found


def installed(place: Place, folder: str, *packages: str) -> bool:
    """Installs packages of npm, or those that a `package.json` in the folder names."""
    npm = shutil.which("npm")
    if npm is None:
        say("there is no npm; Debian has it as npm")
        return False
    say(f"installing {' '.join(packages) or 'what the jobs need'} from npm")
    try:
        output(npm, "install", "--prefix", place.built / folder, "--ignore-scripts", "--no-audit",
               "--no-fund", "--no-package-lock", *packages)
    except Failed as failed:
        say(f"  {failed}")
        return False
    return True
