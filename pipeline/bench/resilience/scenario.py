"""What `resilience` measures: what is lost when workers, drivers, machines and disks fail."""

from __future__ import annotations

from ..scenario import Case, Contender, Goal, Of, Scenario
from .machines import able
from .problem import SEED, ground

STAGES = ("ingest", "gram", "regress", "reconstruct")
"""During which workers are harmed."""
FULL = {"subjects": 4, "images": 600, "grid": [16, 18, 14], "side": 32}
QUICK = {"subjects": 4, "images": 400, "grid": [12, 14, 10], "side": 32}
TTL = 120.0
"""Seconds after which a worker that does not answer is given up, as `cluster.fleet` has it."""
CALM = "undisturbed"
_HERE = "pipeline.bench.resilience"


def sized(*, quick: bool = False) -> Scenario:
    """Return the scenario of some twenty minutes on two cores; quick harms once and waits for nobody long."""
    size = QUICK if quick else FULL
    cases = [_workers(quick=quick), _drivers(), _reach(), _blocks(quick=quick)]
    if not able():
        cases.insert(2, _surroundings(quick=quick))
    return Scenario(
        name="resilience",
        probes="What is lost when workers, drivers, machines or disks fail: time, and no bit.",
        size={**size, "seed": SEED, **({"not run": f"for want of {able()}"} if able() else {})},
        cases=tuple(cases),
        ground=ground,
        packages=("vox2pix", "numpy", "zarr", "dask", "distributed"),
    )


def _workers(*, quick: bool) -> Case:
    """Return the case of workers that are lost, one after the other, or by one block."""
    calm = _once(CALM, "ours:killed", stages=STAGES, times=0)
    counts = {"killed once": 1, "killed 3 times": 3, "killed 12 times": 12}
    killed = [_once(name, "ours:killed", stages=STAGES, times=count) for name, count in counts.items()][
        : 1 if quick else None
    ]
    others = [
        _once("frozen", "ours:frozen", stage="gram", ttl=10.0 if quick else TTL),
        _once("killed by a block", "ours:poisoned", product="all/stimuli", block=2),
        _once("lost with its nanny", "ours:lost_with_nanny", product="stimuli"),
    ]
    goals = [
        *(
            Goal(
                f"{each.name} (-9), in each stage",
                Of(each.name, "harmed"),
                unit=len(STAGES),
                least=count,
                most=count,
            )
            for each, count in zip(killed, counts.values(), strict=False)
        ),
        Goal("frozen: seconds beyond its ttl", Of("frozen", "late"), most=60),
        Goal("killed by a block: blocks of its product not made", Of("killed by a block", "missing"), most=1),
        Goal("killed by a block: exit code", Of("killed by a block", "exit"), least=1, most=1),
        *map(_identical, (calm, *killed, *others)),
    ]
    return Case("workers", (calm, *killed, *others), tuple(goals), CALM)


def _drivers() -> Case:
    """Return the case of drivers and schedulers that are lost half way, and the same command given again."""
    codes = {"driver killed": -9, "scheduler killed": 4, "Ctrl-C": 130}
    ways = ("driver_killed", "scheduler_killed", "interrupted")
    calm = _once(CALM, "drivers:undisturbed")
    runs = [_once(name, f"drivers:{way}", share=0.5) for name, way in zip(codes, ways, strict=True)]
    goals = [
        *(Goal(f"{each.name}: blocks made twice", Of(each.name, "again"), most=0) for each in runs),
        *(
            Goal(
                f"{each.name}: exit code",
                Of(each.name, "exit"),
                least=codes[each.name],
                most=codes[each.name],
            )
            for each in runs
        ),
        *map(_identical, (calm, *runs)),
    ]
    return Case("drivers and schedulers", (calm, *runs), tuple(goals), CALM)


def _surroundings(*, quick: bool) -> Case:
    """Return the case of networks and disks, which needs root's rights."""
    codes = {
        "one of two machines cut off": 0,
        "both cut off": 4,
        "scratch fills up": 0,
        "scratch takes nothing": 4,
    }
    calm = _once(CALM, "surroundings:cut_off", product="stimuli", cut=0)
    runs = [
        _once("one of two machines cut off", "surroundings:cut_off", product="stimuli", cut=1),
        _once("both cut off", "surroundings:cut_off", product="stimuli", cut=2),
        _once("scratch fills up", "surroundings:scratch_full", product="stimuli"),
        _once("scratch takes nothing", "surroundings:no_scratch"),
    ][:: 2 if quick else 1]
    goals = [
        *(
            Goal(
                f"{each.name}: exit code",
                Of(each.name, "exit"),
                least=codes[each.name],
                most=codes[each.name],
            )
            for each in runs
        ),
        *map(_identical, (calm, *runs)),
    ]
    return Case("machines and disks", (calm, *runs), tuple(goals), CALM)


def _reach() -> Case:
    """Return the case of what listens, and who reaches it."""
    safe = "scheduler of slurm and ssh"
    runs = [
        _once("threads", "reach:threads"),
        _once("local", "reach:local"),
        _once(safe, "reach:encrypted"),
        _once("address", "reach:of_others", by_file=False),
        _once("scheduler-file", "reach:of_others", by_file=True),
    ]
    goals = [
        Goal(f"{each.name}: sockets others reach without keys", Of(each.name, "open"), most=0)
        for each in runs
    ]
    goals.append(
        Goal(
            "clients without its keys that are refused, of all that try",
            Of(safe, "refused"),
            (Of(safe, "tried"),),
            least=1,
        )
    )
    return Case("who is reached", tuple(runs), tuple(goals))


def _blocks(*, quick: bool) -> Case:
    """Return the case of ten times as many blocks."""
    count = 500 if quick else 10_000
    name = f"{count} blocks"
    contender = Contender(name, f"{_HERE}.ours:dispatched", {"tasks": count}, limit=3600, repeats=1)
    goal = Goal("resident / at a tenth of the blocks", Of(name, "resident"), (Of(name, "early"),), most=1.1)
    return Case("memory of client and scheduler", (contender,), () if quick else (goal,))


def _once(name: str, work: str, **given: object) -> Contender:
    return Contender(name, f"{_HERE}.{work}", given, limit=1800, repeats=1)


def _identical(contender: Contender) -> Goal:
    return Goal(f"{contender.name}: archive identical", Of(contender.name, "identical"), least=1)
