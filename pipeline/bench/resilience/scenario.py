"""What `resilience` measures: what is lost when workers and drivers die, and what is not."""

from __future__ import annotations

from ..scenario import Case, Contender, Goal, Of, Scenario
from .problem import SEED, ground

STAGES = ("ingest", "gram", "regress", "reconstruct")
"""During which workers are harmed."""
FULL = {"subjects": 4, "images": 1200, "grid": [20, 24, 18], "side": 64}
QUICK = {"subjects": 4, "images": 400, "grid": [12, 14, 10], "side": 32}
TTL = 120.0
"""Seconds after which a worker that does not answer is given up, as `cluster.fleet` has it."""
CALM = "undisturbed"
_HERE = "pipeline.bench.resilience.ours"


def sized(*, quick: bool = False) -> Scenario:
    """Return the scenario of some twenty minutes on two cores; quick harms once and waits for nobody long."""
    size = QUICK if quick else FULL
    return Scenario(
        name="resilience",
        probes="What is lost when workers and drivers are killed or freeze: time, and no bit of the archive.",
        size={**size, "seed": SEED},
        cases=(_killed(quick=quick), _frozen(quick=quick), _driver(), _blocks(quick=quick)),
        ground=ground,
        packages=("vox2pix", "numpy", "zarr", "dask", "distributed"),
    )


def _killed(*, quick: bool) -> Case:
    """Return the case of workers killed; that all archives are identical is their check."""
    counts = {CALM: 0, "killed once": 1, "killed 3 times": 3, "killed 12 times": 12}
    contenders = [
        Contender(name, f"{_HERE}:killed", {"stages": STAGES, "times": count}, limit=1800)
        for name, count in counts.items()
    ]
    goals = [
        Goal(f"{name} in each stage", Of(name, "harmed"), unit=len(STAGES), least=count, most=count)
        for name, count in counts.items()
        if count
    ]
    many = 2 if quick else len(counts)
    return Case("workers killed (-9)", tuple(contenders[:many]), tuple(goals[: many - 1]), CALM)


def _frozen(*, quick: bool) -> Case:
    """Return the case of a worker that hangs for good."""
    given = {"stage": "gram", "ttl": 10.0 if quick else TTL}
    name = "frozen"
    goal = Goal("seconds beyond its ttl", Of(name, "late"), most=60)
    calm = Contender(CALM, f"{_HERE}:killed", {"stages": STAGES, "times": 0}, repeats=1)
    return Case("a worker frozen (SIGSTOP)", (calm, Contender(name, f"{_HERE}:frozen", given)), (goal,), CALM)


def _driver() -> Case:
    """Return the case of a driver killed half way, and the same command given again."""
    name = "killed and run again"
    goal = Goal("blocks made twice", Of(name, "again"), most=0)
    calm = Contender(CALM, f"{_HERE}:killed", {"stages": STAGES, "times": 0}, repeats=1)
    return Case(
        "the driver killed", (calm, Contender(name, f"{_HERE}:driver_killed", {"share": 0.5})), (goal,), CALM
    )


def _blocks(*, quick: bool) -> Case:
    """Return the case of ten times as many blocks."""
    count = 500 if quick else 10_000
    name = f"{count} blocks"
    contender = Contender(name, f"{_HERE}:dispatched", {"tasks": count}, limit=3600)
    goal = Goal("resident / at a tenth of the blocks", Of(name, "resident"), (Of(name, "early"),), most=1.1)
    return Case("memory of client and scheduler", (contender,), () if quick else (goal,))
