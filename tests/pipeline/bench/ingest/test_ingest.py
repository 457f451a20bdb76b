"""The scenario `ingest` in small, in this process: bytes moved, and the same values from everybody."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from pipeline.bench.ingest.scenario import (
    FIRST,
    KNOWN,
    OURS,
    QUICK,
    RUN,
    WEATHERS,
    useful_bytes,
)
from pipeline.bench.verdict import disagreements
from pipeline.bench.work import measured, prepared
from storage.simulate.nsd.layouts import SESSIONS, session_key, simulate_layouts
from storage.simulate.serve import serve

pytestmark = pytest.mark.slow  # every opponent, of every layout
ROOT = Path(__file__).parents[4]
HEADERS = 2**16
"""Bytes of headers, nodes of trees and etags, at most."""


@pytest.fixture(scope="module")
def release(tmp_path_factory):
    folder = tmp_path_factory.mktemp("ingest")
    simulate_layouts(folder, QUICK)
    return folder


@pytest.fixture(scope="module")
def found(release):
    """Return the figures by case and contender; opponents too, but those that need another environment."""
    sys.path.insert(0, str(ROOT))
    from benchmarks.ingest import scenario

    figures = {}
    with pytest.MonkeyPatch.context() as patch, serve({"nsd": release}) as server:
        patch.setenv("NO_PROXY", "127.0.0.1,localhost")
        patch.setenv("XDG_CACHE_HOME", str(release.parent / "cache"))
        given = {"root": "s3://nsd", "options": server.options, "folder": str(release)}
        for case in scenario(QUICK).cases:
            if not case.name.endswith(f", {next(iter(WEATHERS))}"):
                continue
            for contender in case.contenders:
                work = prepared(contender.prepare, {**given, **contender.given})
                moved, requests = server.bytes, server.requests
                own = measured(work)
                counted = {"bytes": server.bytes - moved, "requests": server.requests - requests}
                kind = case.name.partition(",")[0]
                figures.setdefault(kind, {})[contender.name] = {**own, **counted}
    return figures


def test_all_come_to_the_same_values(found):
    cases = [
        {"name": name, "runs": [{"contender": who, **each} for who, each in figures.items()]}
        for name, figures in found.items()
        if name != "larger files"  # of which each has values of its own
    ]
    assert disagreements({"cases": cases}) == []
    assert all(len([each for each in case["runs"] if "check" in each]) >= 2 for case in cases)


def test_downloads_move_the_file(release, found):
    size = (release / session_key("voxel-chunks")).stat().st_size
    assert found["voxel chunks"]["plain download"]["bytes"] == size
    assert found["voxel chunks"]["plain download"]["requests"] == 1
    assert found["voxel chunks"]["download, 8 x 16 MiB"]["bytes"] == size


def test_a_region_by_ranges_moves_part_of_the_file(release, found):
    """At full size little more than the useful bytes; here most of it are nodes of the tree and gaps."""
    size, figures = (release / session_key("voxel-chunks")).stat().st_size, found["voxel chunks"]
    for name in (FIRST, KNOWN, RUN):
        assert useful_bytes(QUICK, QUICK.voxels) < figures[name]["bytes"] < 0.6 * size
        assert figures[name]["requests"] < QUICK.voxels


@pytest.mark.parametrize("layout", ["contiguous", "volume-chunks"])
def test_what_must_come_whole_comes_once(release, found, layout):
    size = (release / session_key(layout)).stat().st_size
    assert found[layout.replace("-", " ")][OURS]["bytes"] < size + HEADERS
    packed = (release / session_key("voxel-chunks", 1, ".nii.gz")).stat().st_size
    assert packed < found[".nii.gz"][OURS]["bytes"] < packed + HEADERS


def test_of_the_pictures_only_those_asked_for_come(found):
    useful = 3 * QUICK.picture**2 * 2 * QUICK.images
    assert useful <= found["pictures"][OURS]["bytes"] < useful + 3 * HEADERS


def test_a_run_looks_once_more_at_each_session_than_whoever_reads_it(found):
    """And 45 times once: at etags, folders, the design, pictures, captions, atlases and their tables."""
    figures = found["many sessions"]
    more = figures[RUN]["requests"] - figures["our reader, plain Zarr"]["requests"]
    assert SESSIONS <= more <= SESSIONS + 45


def test_memory_is_taken_for_what_is_wanted(found):
    """Small files say little of memory, but a larger one has as many values to read."""
    assert len({each["values"] for each in found["larger files"].values()}) == 1


def test_useful_bytes_are_those_of_the_betas():
    assert useful_bytes(QUICK, 10) == 2 * QUICK.trials * 10
