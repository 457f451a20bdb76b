"""A stage called by hand leaves what it is given as it was, and says the same when it is called again."""

from __future__ import annotations

import numpy as np
import pytest
import xarray as xr

from pipeline import plan
from pipeline.stages import choose, gram, invert, smooth, spectrum, tune, unseen

ALPHA = {"alpha": 30.0}
GRID = {"candidates": (1.0, 1e4, 5)}
GIVEN = ("responses", "gram")
DUAL = {
    "smoother": (smooth.dual_smoother, (*GIVEN, "cross"), ALPHA),
    "held-out smoother": (smooth.dual_smoother, (*GIVEN, "cross"), {**ALPHA, "held_out": True}),
    "inverse": (invert.inverse, GIVEN, ALPHA),
    "left": (invert.dual_left, GIVEN, ALPHA),
    "unseen": (unseen.dual_held_out, GIVEN, ALPHA),
    "spectrum": (spectrum.dual_spectrum, GIVEN, {}),
    "projection": (spectrum.projection, ("responses", "spectrum", "cross"), {}),
    "alpha": (choose.alpha, (*GIVEN, "features"), GRID),
    "alpha by a spectrum": (choose.alpha, ("responses", "spectrum", "features"), GRID),
    "tuned": (tune.tuned_predictions, ("responses", "spectrum", "projection", "features"), GRID),
}
PRIMAL = {
    "smoother": (smooth.primal_smoother, GIVEN, ALPHA),
    "left": (smooth.primal_left, GIVEN, {**ALPHA, "held_out": True}),
    "unseen": (unseen.primal_held_out, GIVEN, ALPHA),
    "spectrum": (spectrum.primal_spectrum, GIVEN, {}),
}


@pytest.fixture
def made(make_recipe) -> dict[str, xr.Dataset]:
    """Return products in memory, with a Gram of rows and one of voxels."""
    steps = {step.product: step.dataset for step in plan(make_recipe({"images": None, "scores": None}))}
    found = {name: steps[name].compute() for name in ("responses", "features/pixels")}
    responses = found["responses"]
    found |= {"features": found["features/pixels"], "gram": gram.dual_gram(responses).compute()}
    found |= {"cross": gram.cross(responses).compute(), "voxel gram": gram.primal_gram(responses).compute()}
    found["spectrum"] = spectrum.dual_spectrum(responses, found["gram"]).compute()
    found["projection"] = spectrum.projection(responses, found["spectrum"], found["cross"]).compute()
    return {name: dataset.copy(deep=True) for name, dataset in found.items()}


@pytest.mark.parametrize(
    ("form", "case"), [*(("dual", case) for case in DUAL), *(("primal", case) for case in PRIMAL)]
)
def test_a_stage_leaves_what_it_is_given_as_it_was(made, form, case):
    stage, roles, settings = (DUAL if form == "dual" else PRIMAL)[case]
    given = {role: made["voxel gram" if (form, role) == ("primal", "gram") else role] for role in roles}
    before = {role: dataset.copy(deep=True) for role, dataset in given.items()}
    first, second = (stage(**given, **settings).compute(scheduler="synchronous") for _ in range(2))
    for role, dataset in given.items():
        xr.testing.assert_identical(dataset, before[role])
    for name, values in first.data_vars.items():
        np.testing.assert_array_equal(values.values, second[name].values)
