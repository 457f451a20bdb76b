"""The ridge beside what people predict many targets with: `pipeline.bench.ridge` and its opponents.

    python -m benchmarks.ridge [--quick] [--repeats 3] [--data FOLDER] [--out benchmarks/results]

himalaya and dask-ml take part where they are installed, or where OPPONENTS_PYTHON names a Python that has
them beside numpy and scipy.
"""

from __future__ import annotations

import os
from dataclasses import replace
from importlib.util import find_spec
from typing import Any

from benchmarks.command import command
from pipeline.bench.ridge.scenario import OURS, ridge
from pipeline.bench.scenario import Case, Contender, Goal, Of, Scenario

SKLEARN, SKLEARN_CV = "scikit-learn Ridge", "scikit-learn RidgeCV"
HIMALAYA, HIMALAYA_CV = "himalaya KernelRidge, torch", "himalaya KernelRidgeCV, torch"
DASK_ML, NATURAL = "dask-ml, one target", "dask.array, as one writes it"
TOKENS, FITTED = 77, 4
"""Of CLIP's text, and those that are fitted here: the others take as much each."""
LOOP = f"a Ridge a token, {FITTED} of {TOKENS}"
_CALL = "benchmarks.opponents.regression"


def scenario(*, quick: bool) -> Scenario:
    """Return the scenario with its opponents; of the quick one no ratios are asked."""
    found = ridge(quick=quick)
    memory, alphas, many, dask = found.cases
    cases = [_memory(memory), _alphas(alphas), many, _dask(dask)]
    return replace(found, cases=tuple(replace(case, goals=()) if quick else case for case in cases))


def _memory(case: Case) -> Case:
    given: dict[str, Any] = dict(case.contenders[0].given)
    tokens = {**given, "fitted": FITTED, "tokens": TOKENS}
    others = (
        Contender(SKLEARN, f"{_CALL}:sklearn_ridge", given),
        Contender(LOOP, f"{_CALL}:per_token", tokens, repeats=1),
        *_installed("himalaya", HIMALAYA, "himalaya_kernel_ridge", given),
        *_installed("dask_ml", DASK_ML, "dask_ml_one_target", given),
    )
    goals = (
        Goal("CPU time / scikit-learn", Of(OURS, "cpu"), (Of(SKLEARN, "cpu"),), most=0.12),
        Goal("memory / scikit-learn", Of(OURS, "memory"), (Of(SKLEARN, "memory"),), most=0.11),
        Goal(f"CPU time / a Ridge a token, {TOKENS}", Of(OURS, "cpu"), (Of(LOOP, "cpu_all"),), most=0.025),
    )
    return replace(case, contenders=(*case.contenders, *others), goals=(*case.goals, *goals))


def _alphas(case: Case) -> Case:
    given = dict(case.contenders[0].given)
    himalaya = _installed("himalaya", HIMALAYA_CV, "himalaya_kernel_ridge_cv", given)
    others = (Contender(SKLEARN_CV, f"{_CALL}:sklearn_ridge_cv", given), *himalaya)
    ours = Of(OURS, "cpu")
    goals = (
        Goal("CPU time / RidgeCV", ours, (Of(SKLEARN_CV, "cpu"),), most=0.08),
        Goal("CPU time / KernelRidgeCV", ours, (Of(HIMALAYA_CV, "cpu"),), most=0.2),
    )
    return replace(case, contenders=(*case.contenders, *others), goals=goals)


def _installed(package: str, name: str, function: str, given: dict[str, Any]) -> tuple[Contender, ...]:
    """Return an opponent, once as it is slow, with the Python that has it; none where there is none."""
    python = "" if find_spec(package) else os.environ.get("OPPONENTS_PYTHON")
    if python is None:
        return ()
    return (Contender(name, f"{_CALL}:{function}", given, repeats=1, python=python),)


def _dask(case: Case) -> Case:
    natural = Contender(NATURAL, f"{_CALL}:natural_dask", dict(case.contenders[0].given))
    goal = Goal("CPU time / dask.array", Of(OURS, "cpu"), (Of(NATURAL, "cpu"),), most=0.30)
    return replace(case, contenders=(*case.contenders, natural), goals=(*case.goals, goal))


if __name__ == "__main__":
    command(__doc__, lambda quick: scenario(quick=quick))
