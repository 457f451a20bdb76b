"""Stages of the ridge on another device say what they say on the CPU, without a GPU to try it on.

torch stands in for a library with a device of its own; array-api-strict, on a device that is not the default,
takes no numpy array beside its own and knows no function that is not in the standard.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import array_api_strict
import numpy as np
import pytest

from pipeline import plan, ridge
from pipeline.stages import (
    choose,
    condition,
    gram,
    invert,
    predict,
    smooth,
    spectrum,
    subset,
    tune,
    unseen,
    weigh,
)

if TYPE_CHECKING:
    import xarray as xr

ALPHA = {"alpha": 30.0}
GRID = {"candidates": (1.0, 1e4, 4)}
DEVICE = array_api_strict.Device("device1")


class Strict:
    """array-api-strict in place of a GPU, and how often it was given something."""

    def __init__(self) -> None:
        self.given = 0

    def put(self, array):
        self.given += 1
        return array_api_strict.asarray(np.ascontiguousarray(array), device=DEVICE)

    def stream(self, blocks):
        return map(self.put, blocks)

    def host(self, array):
        assert array.device == DEVICE
        return np.asarray(array.to_device(array_api_strict.Device("CPU_DEVICE")))


@pytest.fixture
def products(make_recipe):
    """Return a function that makes inputs on the CPU, with a Gram of rows or of voxels."""

    def make(form, **sizes):
        changes = {"responses": {"average_repeats": "none"}, "features": {"pca": None}}
        changes |= {"ridge": {"spaces": {"pca": None}}, "images": None, "scores": None}
        steps = {step.product: step.dataset for step in plan(make_recipe(changes, repeats=2, **sizes))}
        responses, features = (steps[name].compute() for name in ("responses", "features/pixels"))
        features = features.isel(feature=slice(0, 40))
        found = {"responses": responses, "features": features}
        found["gram"] = getattr(gram, f"{form}_gram")(responses, precision="float64")
        found["cross"] = gram.cross(responses, precision="float64")
        found["spectrum"] = getattr(spectrum, f"{form}_spectrum")(responses, found["gram"].compute())
        found = {name: dataset.compute() for name, dataset in found.items()}
        given = found if form == "dual" else {**found, "cross": None}
        shared = {role: found[role] for role in ("responses", "spectrum")}
        projected = spectrum.projection(**shared, cross=given["cross"]).compute()
        tuned = tune.tuned_predictions(**shared, projection=projected, features=features, by="loo", **GRID)
        return {**found, "projection": projected, "predictions": tuned.compute()}

    return make


def dual_cases(made):
    one = {"responses": made["responses"], "gram": made["gram"]}
    yield "condition", condition.condition, {"responses": made["responses"]}
    yield "subset", subset.subset, of_features(made, drop=20, seed=42, tries=2, alpha=30.0)
    yield "gram", gram.dual_gram, {"responses": made["responses"]}
    yield "cross", gram.cross, {"responses": made["responses"]}
    held_out = smooth.dual_smoother(**one, cross=made["cross"], held_out=True, **ALPHA).compute()
    yield "smoother", smooth.dual_smoother, {**one, "cross": made["cross"], "held_out": True, **ALPHA}
    yield (
        "predictions",
        predict.predictions,
        {
            "responses": made["responses"],
            "features": made["features"],
            "smoother": held_out,
            "correction": "stored",
        },
    )
    yield "unseen", unseen.dual_held_out, {**one, **ALPHA}
    left_out = unseen.dual_held_out(**one, **ALPHA).compute()
    yield (
        "training predictions",
        unseen.training_predictions,
        {"responses": made["responses"], "held_out": left_out, "features": made["features"]},
    )
    for name, stage in (("inverse", invert.inverse), ("left", invert.dual_left)):
        yield name, stage, {**one, **ALPHA}
        through = {name: stage(**one, **ALPHA).compute()}
        yield f"weights by {name}", weigh.weights, of_features(made, **through)
    for by in ("loo", "kfold", "retrieval"):
        yield f"alpha by factors, {by}", choose.alpha, of_features(made, gram=made["gram"], by=by, **GRID)
    yield (
        "projection",
        spectrum.projection,
        {"responses": made["responses"], "spectrum": made["spectrum"], "cross": made["cross"]},
    )


def primal_cases(made):
    one = {"responses": made["responses"], "gram": made["gram"]}
    yield "gram", gram.primal_gram, {"responses": made["responses"]}
    yield "smoother", smooth.primal_smoother, {**one, "held_out": True, **ALPHA}
    yield "left", smooth.primal_left, {**one, "held_out": True, **ALPHA}
    yield "unseen", unseen.primal_held_out, {**one, **ALPHA}
    yield "projection", spectrum.projection, {"responses": made["responses"], "spectrum": made["spectrum"]}


def shared_cases(made):
    for by in ("loo", "kfold", "retrieval"):
        yield f"alpha, {by}", choose.alpha, of_features(made, spectrum=made["spectrum"], by=by, **GRID)
    both = {"spectrum": made["spectrum"], "projection": made["projection"]}
    for by, correction in (("loo", "none"), ("kfold", "test-batch"), ("loo", "stored")):
        how = {"by": by, "correction": correction, **GRID}
        yield f"tuned, {by}, {correction}", tune.tuned_predictions, of_features(made, **both, **how)
    through = {"spectrum": made["spectrum"], "predictions": made["predictions"]}
    yield "weights", weigh.weights, of_features(made, **through)


def of_features(made, **more):
    return {"responses": made["responses"], "features": made["features"], **more}


def computed(stage, given) -> xr.Dataset:
    return stage(**given).compute(scheduler="synchronous")


@pytest.fixture(params=["torch", "array_api_strict"])
def elsewhere(request, monkeypatch):
    """Return a function that computes a stage on another device, and sees to it that it was used."""

    def on_torch(stage, given):
        assert stage.gpu
        with ridge.use(ridge.accelerator("torch:cpu")):
            return computed(stage, given)

    def on_strict(stage, given):
        strict = Strict()
        with monkeypatch.context() as patch:
            for name in ("put", "stream", "host"):
                patch.setattr(ridge, name, getattr(strict, name))
            found = computed(stage, given)
        assert strict.given
        return found

    return on_torch if request.param == "torch" else on_strict


@pytest.mark.parametrize(
    ("form", "sizes"),
    [
        ("dual", {"voxels": 90, "train": 30, "test": 8}),
        ("primal", {"voxels": 20, "train": 30, "test": 8}),
    ],
)
def test_another_device_says_the_same(products, elsewhere, form, sizes):
    made = products(form, **sizes)
    for name, stage, given in [*(dual_cases if form == "dual" else primal_cases)(made), *shared_cases(made)]:
        here, there = computed(stage, given), elsewhere(stage, given)
        for variable, expected in here.data_vars.items():
            found = there[variable].values
            assert found.dtype == expected.dtype, name
            scale = np.nanmax(np.abs(expected.values.astype(float)), initial=1e-9)
            np.testing.assert_allclose(found, expected.values, atol=1e-5 * scale, rtol=0, err_msg=name)
    stage = getattr(spectrum, f"{form}_spectrum")
    given = {"responses": made["responses"], "gram": made["gram"]}
    here, there = (put_together(one) for one in (computed(stage, given), elsewhere(stage, given)))
    np.testing.assert_allclose(there, here, atol=1e-5 * np.abs(here).max())


def put_together(found: xr.Dataset) -> np.ndarray:
    """Return the matrix that a spectrum is of: its vectors' signs are anybody's."""
    vectors = found.eigenvector.values.astype(float)
    return (vectors * found.eigenvalue.values) @ vectors.T


@pytest.mark.parametrize("by", ["gcv"])
def test_generalised_cross_validation_elsewhere(make_recipe, elsewhere, by):
    """It takes pictures of one row each."""
    changes = {"features": {"pca": None}, "ridge": {"spaces": {"pca": None}}, "images": None, "scores": None}
    steps = {step.product: step.dataset for step in plan(make_recipe(changes, train=30))}
    responses, features = (steps[name].compute() for name in ("responses", "features/pixels"))
    lower = gram.dual_gram(responses).compute()
    found = spectrum.dual_spectrum(responses, lower).compute()
    for matrix in ({"gram": lower}, {"spectrum": found}):
        given = {"responses": responses, "features": features, "by": by, **matrix, **GRID}
        here, there = computed(choose.alpha, given), elsewhere(choose.alpha, given)
        np.testing.assert_allclose(there.score.values, here.score.values, atol=1e-5)
        assert float(there.alpha) == float(here.alpha)
