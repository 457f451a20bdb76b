"""Ingestion of NSD beside what people use today, in one run: `pipeline.bench.ingest` and its opponents.

    python -m benchmarks.ingest [--quick] [--repeats 3] [--data FOLDER] [--out benchmarks/results]

virtualizarr takes part where VIRTUALIZARR_PYTHON names a Python that has it.
"""

from __future__ import annotations

import os
from collections import defaultdict
from dataclasses import replace
from typing import Any

from benchmarks.command import command
from pipeline.bench.ingest import scenario as ours
from pipeline.bench.scenario import Case, Contender, Goal, Of, Scenario
from storage.simulate.nsd.layouts import SESSIONS, SessionSize, session_key

S3FS, TUNED = "h5py over s3fs, as it comes", "h5py over s3fs, blocks of 1 MB"
VIRTUALIZARR, PLAIN_ZARR = "virtualizarr", "our reader, plain Zarr"
GATHER = "gather and write, local"

#: Seconds that are waited for those that take minutes; once is enough.
PATIENCE = 60.0


def scenario(size: SessionSize) -> Scenario:
    """Return the scenario with its opponents."""
    found = ours.ingest(size)
    return replace(found, cases=tuple(map(_opposed, found.cases)), packages=(*found.packages, *_PACKAGES))


_PACKAGES = ("s3fs", "virtualizarr")


def _opposed(case: Case) -> Case:
    """Return a case with its opponents; those that take minutes come into the first weather's alone."""
    kind, _, weather = case.name.partition(", ")
    contenders, goals = _OPPONENTS[kind]
    slow = [each for each in contenders if each.repeats > ours.ONCE or weather == next(iter(ours.WEATHERS))]
    return replace(case, contenders=(*case.contenders, *slow), goals=(*case.goals, *goals))


def _s3fs(layout: str, name: str = S3FS, **cache: Any) -> Contender:
    given = {"key": session_key(layout), "region": "nsdgeneral", "cache": cache}
    return Contender(name, "benchmarks.opponents.hdf5:over_s3fs", given, ours.ONCE, PATIENCE)


def _by_voxels() -> tuple[Contender, ...]:
    given: dict[str, Any] = {"key": session_key("voxel-chunks"), "region": "nsdgeneral"}
    python = os.environ.get("VIRTUALIZARR_PYTHON", "")
    call = "benchmarks.opponents.hdf5:over_virtualizarr"
    virtual = Contender(VIRTUALIZARR, call, given, ours.ONCE, PATIENCE, python)
    return (
        _plain_zarr(1),
        _s3fs("voxel-chunks"),
        _s3fs("voxel-chunks", TUNED, cache_type="blockcache", block_size=2**20),
        *([virtual] if python else []),
    )


def _plain_zarr(sessions: int) -> Contender:
    given = {"layout": "voxel-chunks", "region": "nsdgeneral", "sessions": sessions}
    return Contender(PLAIN_ZARR, "benchmarks.opponents.plain_zarr:into_plain_zarr", given)


_OPPONENTS: defaultdict[str, tuple[tuple[Contender, ...], tuple[Goal, ...]]] = defaultdict(
    lambda: ((), ()),
    {
        "voxel chunks": (_by_voxels(), ()),
        "many sessions": (
            (_plain_zarr(SESSIONS),),
            (
                Goal(
                    "time with checksums and markers / without",
                    Of(ours.RUN),
                    (Of(PLAIN_ZARR),),
                    most=1.03,
                ),
            ),
        ),
        "contiguous": ((_s3fs("contiguous"),), ()),
        "volume chunks": ((_s3fs("volume-chunks"),), ()),
        "whole brain": (
            (
                Contender(
                    GATHER,
                    "benchmarks.opponents.hdf5:gather_and_write",
                    {"key": session_key("contiguous"), "region": "brain"},
                ),
            ),
            (
                Goal(
                    "time / max(parallel download, gather and write alone)",
                    Of(ours.OURS),
                    (Of(ours.PARALLEL), Of(GATHER)),
                    most=1.15,
                ),
            ),
        ),
    },
)

if __name__ == "__main__":
    command(__doc__, lambda quick: scenario(ours.QUICK if quick else ours.FULL))
