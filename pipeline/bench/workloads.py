"""The workloads: ingesting, the ridge, a decoder that learns and paints, and the whole way, in three sizes.

`quick` only shows that it works. `medium` is data of tens to hundreds of MB. `large` has volumes, rows or
pictures as large as NSD's: gigabytes to simulate, and for a cluster to work on.
"""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any

from ..errors import RecipeError, nearest
from .resilience import problem
from .resilience.trouble import insist_ours, raid
from .workload import UNDISTURBED, Workload

if TYPE_CHECKING:
    from collections.abc import Mapping

SIZES = ("quick", "medium", "large")
ONE = {"subjects": 1, "seed": 0}
_VOLUME = {
    "quick": {"sessions": 3, "grid": (12, 14, 10), "images": 90, "size": 32},
    "medium": {"sessions": 4, "grid": (40, 52, 42), "images": 600, "size": 128},
    "large": {"sessions": 4, "grid": (81, 104, 83), "images": 1000, "size": 425},
}
"""Sessions, places along x, y, z, distinct pictures and their sides; `large` is a session of subject 1."""
_ROWS = {
    "quick": {"grid": (12, 14, 10), "images": 90, "size": 16},
    "medium": {"grid": (20, 24, 18), "images": 1500, "size": 64},
    "large": {"grid": (31, 36, 27), "images": 9841, "size": 128},
}
"""The same for the ridge: `large` has the rows and nearly the voxels of subject 1 and nsdgeneral."""
_PICTURES = {
    "quick": {"grid": (10, 12, 8), "images": 60, "size": 16},
    "medium": {"grid": (16, 18, 14), "images": 640, "size": 32},
    "large": {"grid": (20, 24, 18), "images": 4000, "size": 64},
}
_HARMED = {
    "quick": {"grid": (12, 14, 10), "images": 400, "size": 32},
    "medium": {"grid": (20, 24, 18), "images": 1200, "size": 64},
    "large": {"grid": (31, 36, 27), "images": 9841, "size": 128},
}
"""The same where workers are killed: several blocks a stage."""
_STEPS = {"quick": 4, "medium": 200, "large": 2000}
"""Of training."""


def ingest(size: str, changes: Mapping[str, Any]) -> Workload:
    """Return the workload of every voxel of the brain, and the pictures."""
    return Workload(
        name="ingest",
        probes="How fast every voxel of the brain and all pictures come into the archive, and what it takes.",
        simulator="nsd",
        release=_release(_VOLUME[size], changes),
        tables={"data": {"voxels": "brain"}},
        stages=("ingest",),
    )


def ridge(size: str, changes: Mapping[str, Any]) -> Workload:
    """Return the workload of a ridge straight to every pixel."""
    release = _release(_ROWS[size], changes)
    return Workload(
        name="ridge",
        probes="How fast all pixels of a picture are predicted from all voxels, and what that takes.",
        simulator="arrays",
        release=release,
        tables={
            "features": {"pixels": {"model": "pixels", "size": release["size"]}},
            "ridge": {"spaces": {"pixels": {"alpha": 1000}}},
        },
        stages=("gram", "regress"),
    )


def generate(size: str, changes: Mapping[str, Any]) -> Workload:
    """Return the workload of a small diffusion model that learns, then paints."""
    release = _release(_PICTURES[size], changes)
    return Workload(
        name="generate",
        probes="How fast a decoder learns and paints, on GPUs where there are some, and what that takes.",
        simulator="arrays",
        release=release,
        tables=_decoder(release["size"], size),
        stages=("train", "reconstruct"),
    )


def whole(size: str, changes: Mapping[str, Any]) -> Workload:
    """Return the workload of the whole way, from recordings to scores."""
    release = _release(_VOLUME[size], changes)
    side = min(32, release["size"])
    return Workload(
        name="whole",
        probes="What each stage takes on the way from recordings to scored pictures.",
        simulator="nsd",
        release=release,
        tables={
            "data": {"voxels": "nsdgeneral"},
            **_decoder(side, size),
            "scores": {"final": {"metrics": ["pixcorr", "ssim", "two-way-pixels"]}},
        },
        stages=("ingest", "respond", "featurize", "gram", "regress", "train", "reconstruct", "score"),
    )


def resilience(size: str, changes: Mapping[str, Any]) -> Workload:
    """Return the workload of all stages while workers are killed."""
    release = _release(_HARMED[size], changes)
    counts = {"once": 1, "3 times": 3, "12 times": 12}
    times = {UNDISTURBED: 0, **{f"workers killed {often}": count for often, count in counts.items()}}
    return Workload(
        name="resilience",
        probes="What it costs when workers are killed while they work, and that the same bytes come of it.",
        simulator="arrays",
        release=release,
        tables=problem.tables(release["size"]),
        stages=("ingest", "respond", "featurize", "gram", "regress", "reconstruct"),
        cases={name: partial(raid, times=count) for name, count in times.items()},
        insist=insist_ours,
    )


def _decoder(side: int, size: str) -> dict[str, Any]:
    """Return principal components, their ridge, and the decoder of the preset conditional-ddpm, shortened."""
    pca = {"model": "pca", "size": side, "components": 32 if size != "quick" else 8}
    trained = {"features": ["pca"], "size": side, "batch": 16, "learning_rate": 2e-3, "steps": _STEPS[size]}
    painted = {"batch": 16, "steps": 25 if size != "quick" else 2}
    return {
        "features": {"pca": pca},
        "ridge": {"spaces": {"pca": {"alpha": 1000}}},
        "train": {"final": {"model": "conditional-ddpm", **trained}},
        "images": {"final": {"generator": "conditional-ddpm", **painted}},
    }


def _release(release: Mapping[str, Any], changes: Mapping[str, Any]) -> dict[str, Any]:
    """Return a release with some of its numbers changed.

    Raises
    ------
    RecipeError
        If there is no such number, or it is none.
    """
    known = {**release, **ONE}
    for name, value in changes.items():
        if name not in {*known, "sessions", "trials"}:
            listed = ", ".join(sorted({*known, "sessions", "trials"}))
            raise RecipeError(f"{name!r} is no number of a release; known are {listed}{nearest(name, known)}")
        parts = value if name == "grid" and isinstance(value, list | tuple) and len(value) == 3 else [value]
        if (name == "grid") != (len(parts) == 3) or not all(type(part) is int for part in parts):
            expected = "three whole numbers, as grid=[20,24,18]" if name == "grid" else "a whole number"
            raise RecipeError(f"{name} = {value!r} is not what a release has; expected {expected}")
    return {**known, **changes}
