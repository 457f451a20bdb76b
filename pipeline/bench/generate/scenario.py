"""What `generate` measures: a worker beside bare loops that encode, paint and train; two beside one."""

from __future__ import annotations

from ..scenario import Case, Contender, Goal, Of, Scenario
from .problem import BATCH, SEED, ground

OURS, BARE = "vox2pix", "bare loop"
ONE, TWO = "vox2pix, one worker", "vox2pix, two workers"
BARE_ONE, BARE_TWO = "bare loop, one process", "bare loops, two processes"
"""These tell what the cores allow: two that share caches and a way to memory are less than twice one."""
FULL = {"images": 640, "components": 64, "samples": 8, "steps": 600, "side": 32, "noise steps": 25}
"""As the preset conditional-ddpm has it, but a fifth of its steps."""
#: Pictures under two guides: small networks, Brain-Diffuser's steps.
DUAL = {"pictures": 8, "batch": 4, "side": 128, "steps": 50}
DUAL_QUICK = {"pictures": 3, "batch": 2, "side": 64, "steps": 4}
#: Pictures from a pooled embedding: small networks, and noise to begin with.
POOLED = ("ip-adapter", "kandinsky")
QUICK = {"images": 20, "components": 4, "samples": 1, "steps": 2, "side": 8, "noise steps": 2}
_HERE = "pipeline.bench.generate"


def sized(*, quick: bool = False) -> Scenario:
    """Return the scenario of some minutes on two quiet cores; quick takes seconds and asks no ratios."""
    from cluster.environment import MALLOC

    size = QUICK if quick else FULL
    return Scenario(
        name="generate",
        probes="What encoding pictures, painting and training cost beside bare loops over the same networks, "
        "and what a second worker brings.",
        size={**size, "batch": BATCH, "seed": SEED},
        cases=(
            _painting(quick=quick),
            _training(quick=quick),
            _workers(quick=quick),
            _dual(quick=quick),
            _encoding(quick=quick),
            *(_pooled(generator, quick=quick) for generator in POOLED),
        ),
        ground=ground,
        environment=MALLOC,
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


def _encoding(*, quick: bool) -> Case:
    goal = Goal(
        "pictures a CPU second / bare loop", Of(OURS, "pictures"), (Of(BARE, "pictures"),), least=0.95
    )
    bare = Contender(BARE, f"{_HERE}.bare:encoded")
    ours = Contender(OURS, f"{_HERE}.ours:encoded")
    return Case("encoding", (ours, bare), () if quick else (goal,), reference=BARE)


def _training(*, quick: bool) -> Case:
    goal = Goal("steps a CPU second / bare loop", Of(OURS, "steps"), (Of(BARE, "steps"),), least=0.95)
    bare = Contender(BARE, f"{_HERE}.bare:trained")
    return Case(
        "training", (Contender(OURS, f"{_HERE}.ours:trained"), bare), () if quick else (goal,), reference=BARE
    )


def _workers(*, quick: bool) -> Case:
    two = Of(TWO, "per_second")
    goals = (
        Goal("pictures a second / two bare loops at once", two, (Of(BARE_TWO, "per_second"),), least=0.95),
        Goal("pictures a second / one worker", two, (Of(ONE, "per_second"),), least=1.9),
    )
    contenders = [
        Contender(name, f"{_HERE}.ours:painted_by", {"workers": count})
        for name, count in ((ONE, 1), (TWO, 2))
    ]
    contenders += [
        Contender(name, f"{_HERE}.bare:painted_by", {"processes": count})
        for name, count in ((BARE_ONE, 1), (BARE_TWO, 2))
    ]
    return Case("two workers", tuple(contenders), () if quick else goals, reference=ONE)


def _dual(*, quick: bool) -> Case:
    goal = Goal(
        "pictures a CPU second / bare loop", Of(OURS, "pictures"), (Of(BARE, "pictures"),), least=0.97
    )
    contenders = (Contender(OURS, f"{_HERE}.dual:ours"), Contender(BARE, f"{_HERE}.dual:by_hand"))
    return Case(
        "dual guidance",
        contenders,
        () if quick else (goal,),
        reference=BARE,
        given=DUAL_QUICK if quick else DUAL,
    )


def _pooled(generator: str, *, quick: bool) -> Case:
    goal = Goal(
        "pictures a CPU second / bare loop", Of(OURS, "pictures"), (Of(BARE, "pictures"),), least=0.97
    )
    contenders = (Contender(OURS, f"{_HERE}.pooled:ours"), Contender(BARE, f"{_HERE}.pooled:by_hand"))
    return Case(
        generator,
        contenders,
        () if quick else (goal,),
        reference=BARE,
        given={**(DUAL_QUICK if quick else DUAL), "generator": generator},
    )
