"""What `ridge` measures: the same predictions in memory, over Dask, and at the size of NSD."""

from __future__ import annotations

from contextlib import contextmanager
from dataclasses import asdict, replace
from typing import TYPE_CHECKING, Any

from ..scenario import Case, Contender, Goal, Ground, Of, Scenario
from .problem import Size
from .spaces import counted

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path

OURS, DOUBLE, SGEMM = "vox2pix", "vox2pix, float64", "sgemm alone"
FEW, MANY = 5, 20
"""Candidate penalties."""
MEMORY, DASK = Size(n=2000, m=220, p=4000, t=8000), Size(n=3000, m=330, p=6000, t=12_000)
FULL = Size(n=8859, m=982, p=15_724, t=197_376)
"""Subject 1 of NSD, its visual cortex, and CLIP's 257 tokens of 768."""
FEWER = Size(n=8859, m=982, p=15_724, t=32_768)
"""A sixth of the targets: memory must be the same."""
BRAIN = Size(n=2000, m=220, p=226_000, t=8192)
"""Every voxel of the brain; fewer rows, for time."""
_HERE = "pipeline.bench.ridge"
_MB = 1e6
SHARE = "operations / sgemm on the same workers"


def ridge(*, quick: bool = False) -> Scenario:
    """Return the scenario of an hour on any two cores; quick takes seconds."""
    sizes = [Size(200, 22, 400, 800), Size(300, 33, 600, 1200)] if quick else [MEMORY, DASK]
    memory, dask = sizes
    cases = (memory_case(memory), alphas_case(memory), many_case(memory), dask_case(dask))
    return replace(_scenario("ridge", cases, sizes), counted=counted())


def full(*, quick: bool = False) -> Scenario:
    """Return the scenario at full size: 12 GB on disk, some minutes a case."""
    if quick:
        sizes = [Size(300, 33, 600, 8192), Size(300, 33, 600, 4096), Size(100, 11, 3000, 4096)]
    else:
        sizes = [FULL, FEWER, BRAIN]
    whole, fewer, brain = sizes
    return _scenario("ridge_full", (nsd_case(whole, fewer), brain_case(brain)), sizes)


def _scenario(name: str, cases: tuple[Case, ...], sizes: list[Size]) -> Scenario:
    return Scenario(
        name=name,
        probes="How many operations a second the ridge does, beside a bare matrix product, and its memory.",
        size={str(number): asdict(size) for number, size in enumerate(sizes)},
        cases=cases,
        ground=ground,
        packages=(
            "vox2pix",
            "numpy",
            "scipy",
            "scikit-learn",
            "himalaya",
            "torch",
            "dask",
            "dask-ml",
            "zarr",
        ),
    )


@contextmanager
def ground(folder: Path, size: Mapping[str, Any]) -> Iterator[Ground]:
    """Keep a folder; who needs inputs there writes them before it is measured."""
    del size
    yield Ground({"folder": str(folder)})


def sgemm() -> Contender:
    """Return the bare matrix product."""
    return Contender(SGEMM, f"{_HERE}.memory:sgemm")


def memory_case(size: Size) -> Case:
    """Return the case of arrays in memory."""
    return Case(
        "in memory",
        (
            Contender(OURS, f"{_HERE}.memory:in_memory", asdict(size)),
            Contender(DOUBLE, f"{_HERE}.memory:in_memory", {**asdict(size), "precision": "float64"}),
            sgemm(),
        ),
        (
            Goal("operations / sgemm", Of(OURS, "rate"), (Of(SGEMM, "rate"),), least=0.70),
            Goal("relative error x 1e5", Of(OURS, "error"), unit=1e-5, most=1),
            Goal("relative error in float64 x 1e6", Of(DOUBLE, "error"), unit=1e-6, most=1),
        ),
        reference=OURS,
    )


def alphas_case(size: Size) -> Case:
    """Return the case of an alpha for each target, from the responses on."""
    given = {**asdict(size), "alphas": FEW}
    return Case(
        f"{FEW} alphas a target",
        (Contender(OURS, f"{_HERE}.alphas:per_target", given), sgemm()),
        reference=OURS,
    )


def many_case(size: Size) -> Case:
    """Return the case of many candidates beside one, with what all targets share at hand."""
    names = (f"{OURS}, {MANY} alphas", f"{OURS}, 1 alpha")
    contenders = (
        Contender(name, f"{_HERE}.alphas:blocks_alone", {**asdict(size), "alphas": count})
        for name, count in zip(names, (MANY, 1), strict=True)
    )
    many, one = (Of(name, "cpu") for name in names)
    goal = Goal(f"CPU time, {MANY} alphas / 1", many, (one,), most=1.5)
    return Case("many alphas", tuple(contenders), (goal,), reference=names[1])


def dask_case(size: Size) -> Case:
    """Return the case of two workers, Zarr in and out."""
    return Case(
        "over Dask",
        (Contender(OURS, f"{_HERE}.dask:over_dask", {**asdict(size)}),),
        (Goal(SHARE, Of(OURS, "share"), least=0.40),),
        reference=OURS,
    )


def nsd_case(size: Size, fewer: Size) -> Case:
    """Return the case of all rows, voxels and targets, and the same with fewer targets."""
    few = f"{OURS}, {fewer.t} targets"
    contenders = (_full(OURS, size), _full(few, fewer))
    same = Goal("largest worker / with fewer targets", Of(OURS, "memory"), (Of(few, "memory"),), most=1.05)
    return Case(f"NSD, {size.t} targets", contenders, (*_full_goals(), same), reference=OURS)


def brain_case(size: Size) -> Case:
    """Return the case of every voxel of the brain: more of them than fit in a worker."""
    return Case(f"{size.p} voxels", (_full(OURS, size),), _full_goals(), reference=OURS)


def _full(name: str, size: Size) -> Contender:
    """Return a contender of two workers of 2 GB."""
    return Contender(name, f"{_HERE}.dask:over_dask", asdict(size), limit=1800)


def _full_goals() -> tuple[Goal, ...]:
    return (
        Goal(SHARE, Of(OURS, "share"), least=0.60),
        Goal("largest worker (MB)", Of(OURS, "memory"), unit=_MB, most=1000),
        Goal("relative error x 1e5", Of(OURS, "error"), unit=1e-5, most=1),
    )
