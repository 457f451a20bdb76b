"""What `generate` measures: a worker beside a bare loop, two workers beside one."""

from __future__ import annotations

from ..scenario import Case, Contender, Goal, Of, Scenario
from .problem import BATCH, SEED, ground

OURS, BARE = "vox2pix", "bare loop"
ONE, TWO = "vox2pix, one worker", "vox2pix, two workers"
FULL = {"images": 640, "components": 64, "samples": 2, "steps": 200, "side": 32, "noise steps": 25}
"""As the preset conditional-ddpm has it, but for the number of steps."""
QUICK = {"images": 20, "components": 4, "samples": 1, "steps": 2, "side": 8, "noise steps": 2}
_HERE = "pipeline.bench.generate"


def sized(*, quick: bool = False) -> Scenario:
    """Return the scenario of some minutes on two quiet cores; quick takes seconds and asks no ratios."""
    size = QUICK if quick else FULL
    return Scenario(
        name="generate",
        probes="What painting and training cost beside bare loops over the same network, and what a second "
        "worker brings.",
        size={**size, "batch": BATCH, "seed": SEED},
        cases=(_painting(quick=quick), _training(quick=quick), _workers(quick=quick)),
        ground=ground,
        packages=("vox2pix", "torch", "diffusers", "accelerate", "numpy", "zarr", "dask"),
    )


def _painting(*, quick: bool) -> Case:
    goal = Goal(
        "pictures a CPU second / bare loop", Of(OURS, "pictures"), (Of(BARE, "pictures"),), least=0.97
    )
    bare = Contender(BARE, f"{_HERE}.bare:painted")
    return Case(
        "painting", (Contender(OURS, f"{_HERE}.ours:painted"), bare), () if quick else (goal,), reference=BARE
    )


def _training(*, quick: bool) -> Case:
    goal = Goal("steps a CPU second / bare loop", Of(OURS, "steps"), (Of(BARE, "steps"),), least=0.95)
    bare = Contender(BARE, f"{_HERE}.bare:trained")
    return Case(
        "training", (Contender(OURS, f"{_HERE}.ours:trained"), bare), () if quick else (goal,), reference=BARE
    )


def _workers(*, quick: bool) -> Case:
    goal = Goal("pictures a second / one worker", Of(TWO, "per_second"), (Of(ONE, "per_second"),), least=1.9)
    contenders = tuple(
        Contender(name, f"{_HERE}.ours:painted_by", {"workers": count})
        for name, count in ((ONE, 1), (TWO, 2))
    )
    return Case("two workers", contenders, () if quick else (goal,), reference=ONE)
