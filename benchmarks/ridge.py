"""The ridge beside what people predict many targets with: `pipeline.bench.ridge` and its opponents.

    python -m benchmarks.ridge [--quick] [--repeats 3] [--data FOLDER] [--out benchmarks/results]

himalaya and dask-ml take part where OPPONENTS_PYTHON names a Python that has them beside what vox2pix needs.
"""

from __future__ import annotations

import os
from dataclasses import replace
from typing import Any

from benchmarks.command import command
from pipeline.bench.ridge.scenario import OURS, ridge
from pipeline.bench.scenario import Case, Contender, Goal, Of, Scenario

SKLEARN, HIMALAYA, DASK_ML = "scikit-learn Ridge", "himalaya KernelRidge, torch", "dask-ml, one target"
LOOP, NATURAL = "a Ridge a token, 4 of 77", "dask.array, as one writes it"
_CALL = "benchmarks.opponents.regression"


def scenario(*, quick: bool) -> Scenario:
    """Return the scenario with its opponents."""
    found = ridge(quick=quick)
    memory, dask = found.cases
    return replace(found, cases=(_memory(memory, quick=quick), _dask(dask)))


def _memory(case: Case, *, quick: bool) -> Case:
    given: dict[str, Any] = dict(case.contenders[0].given)
    tokens = {**given, "tokens": 4, "width": given["t"] // 77}
    python = os.environ.get("OPPONENTS_PYTHON", "")
    others = [
        Contender(SKLEARN, f"{_CALL}:sklearn_ridge", given),
        Contender(LOOP, f"{_CALL}:per_token", tokens, repeats=1),
    ]
    if python:
        others += [
            Contender(HIMALAYA, f"{_CALL}:himalaya_kernel_ridge", given, repeats=1, python=python),
            Contender(DASK_ML, f"{_CALL}:dask_ml_one_target", given, repeats=1, python=python),
        ]
    goals = (
        Goal("CPU time / scikit-learn", Of(OURS, "cpu"), (Of(SKLEARN, "cpu"),), most=0.12),
        Goal("memory / scikit-learn", Of(OURS, "memory"), (Of(SKLEARN, "memory"),), most=0.11),
    )
    return replace(
        case, contenders=(*case.contenders, *others), goals=(*case.goals, *(() if quick else goals))
    )


def _dask(case: Case) -> Case:
    natural = Contender(NATURAL, f"{_CALL}:natural_dask", dict(case.contenders[0].given))
    goal = Goal("CPU time / dask.array", Of(OURS, "cpu"), (Of(NATURAL, "cpu"),), most=0.30)
    return replace(case, contenders=(*case.contenders, natural), goals=(*case.goals, goal))


if __name__ == "__main__":
    command(__doc__, lambda quick: scenario(quick=quick))
