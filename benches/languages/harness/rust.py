"""Ours."""

from __future__ import annotations

from .model import ALL, Found, Place, Way
from .shell import output, say

NURSERY, POOL = "Nursery", "Pool"


def find(place: Place) -> Found:
    say("building the jobs in Rust")
    output("cargo", "build", "--release", "--locked",
           "--manifest-path", place.sources / "rust" / "Cargo.toml", "--target-dir", place.target)
    program = (str(place.target / "release" / "nestling-languages-jobs"),)
    by_nursery = tuple(job for job in ALL if job != "bounded")
    return Found(
        ways=[
            Way("Rust", "pool", f"nestling {POOL}", program, ("bounded",), ours=("bounded",)),
            Way("Rust", "nursery", f"nestling {NURSERY}", program, ours=by_nursery),
        ],
        versions={"Rust": output("rustc", "--version")},
    )
