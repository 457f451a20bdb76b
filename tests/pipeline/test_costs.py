"""What `plan` says a worker needs is what a run goes by, or more where the data choose the smaller dtype."""

from __future__ import annotations

import pytest

from cluster import Threads
from pipeline import plan, run


@pytest.mark.parametrize("precision", ["auto", "float64"])
def test_a_run_needs_what_was_planned(make_recipe, precision):
    recipe = make_recipe({"ridge": {"precision": precision}})
    planned = plan(recipe)
    told = {row["product"]: row["memory"] for row in planned.rows()}
    run(recipe, cluster=Threads(workers=2), until="regress")
    for step in planned.until("regress"):
        inputs = {
            name: given.in_archive(planned.archive).open(raw=True) for name, given in step.inputs.items()
        }
        needed = step.maker.cost(step.lazy(inputs), **inputs).memory
        if precision == "float64":
            assert needed == told[step.product], step
        else:
            assert needed <= told[step.product], step
    assert any(name.startswith("gram/") and memory > 0 for name, memory in told.items())
