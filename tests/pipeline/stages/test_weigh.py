"""Weights, on demand, are scikit-learn's, whichever way they come."""

from __future__ import annotations

import numpy as np
import pytest
from sklearn.linear_model import Ridge, RidgeCV

from cluster import Threads
from pipeline import plan, run
from pipeline.ridge import grid
from pipeline.stages import weigh

THREADS = Threads(workers=2)
WAYS = {
    "inverse": ({"voxels": 300, "train": 40, "test": 12}, "inverse/pixels"),
    "left": ({"voxels": 120, "train": 40, "test": 12}, "left/pixels"),
    "primal": ({"voxels": 30, "train": 60, "test": 12}, "left/pixels"),
    "smoother": ({"voxels": 12, "train": 60, "test": 50}, None),
}


def _made(recipe):
    planned = run(recipe, cluster=THREADS).plan
    return {step.product: step.in_archive(planned.archive).open().load() for step in planned}


def _parts(made):
    responses, features = made["responses"], made["features/pixels"]
    place = {name: at for at, name in enumerate(features.image_id.values)}
    x = responses.response.values.astype(float)
    y = features.value.values.astype(float)[[place[name] for name in responses.image_id.values]]
    train = responses.split.values == "train"
    return x[train], x[~train], y[train]


def _check(found, model):
    scale = np.abs(model.coef_).max()
    np.testing.assert_allclose(found.weight.values, model.coef_.T, atol=2e-5 * scale)
    np.testing.assert_allclose(found.intercept.values, model.intercept_, atol=1e-5)


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize(
    "alpha", [30, {"by": "loo", "from": 1, "to": 1e4, "count": 5}], ids=["given", "chosen"]
)
@pytest.mark.parametrize("average", ["all", "none"])
def test_weights_are_those_of_scikit_learn(make_recipe, way, alpha, average, monkeypatch):
    monkeypatch.setattr(weigh, "TILE", 4 * 64 * WAYS[way][0]["voxels"])  # several tiles
    shape, shared = WAYS[way]
    repeats = 1 if average == "all" else 2
    spaces = {"pixels": {"alpha": alpha, "weights": True, "correction": "stored"}, "pca": None}
    changes = {"responses": {"average_repeats": average}, "ridge": {"spaces": spaces}}
    made = _made(make_recipe({**changes, "images": None, "scores": None}, repeats=repeats, **shape))
    x, _, y = _parts(made)
    chosen = 30 if alpha == 30 else float(made["alpha/pixels"].alpha)
    _check(made["weights/pixels"], Ridge(chosen).fit(x, y))
    if average == "all":
        assert {name for name in made if name.startswith(("inverse/", "left/"))} == {shared} - {None}


@pytest.mark.parametrize("way", ["inverse", "primal"])
def test_weights_of_an_alpha_a_feature(make_recipe, way):
    alpha = {"from": 0.1, "to": 1e4, "per": "feature", "by": "loo"}
    spaces = {"pixels": {"alpha": alpha, "weights": True}, "pca": None}
    made = _made(make_recipe({"ridge": {"spaces": spaces}, "images": None, "scores": None}, **WAYS[way][0]))
    x, x_test, y = _parts(made)
    expected = RidgeCV(grid(0.1, 1e4, 11), alpha_per_target=True).fit(x, y)
    _check(made["weights/pixels"], Ridge(made["predictions/pixels"].alpha.values).fit(x, y))
    found = x_test @ made["weights/pixels"].weight.values + made["weights/pixels"].intercept.values
    np.testing.assert_allclose(found, expected.predict(x_test), atol=1e-4)


def test_weights_of_a_region(make_recipe):
    """The voxels outside have none."""
    from pipeline.stages.gram import dual_gram
    from pipeline.stages.invert import dual_left
    from pipeline.stages.weigh import weights

    recipe = make_recipe(
        {"features": {"pca": None}, "ridge": None, "images": None, "scores": None}, voxels=300
    )
    made = _made(recipe)
    inside = np.random.default_rng(0).random(300) < 0.4
    seen = made["voxels"].drop_vars("in_roi").assign_coords(roi=np.array(["early"], dtype=object))
    seen["in_roi"] = (("roi", "voxel"), inside[None, :])
    responses, features = made["responses"], made["features/pixels"]
    gram = dual_gram(responses, seen, rois="early", precision="float64").compute()
    left = dual_left(responses, gram, seen, alpha=30.0, rois="early").compute()
    x, _, y = _parts(made)
    found = weights(responses, features, left, voxels=seen, rois="early").compute()
    _check(found, Ridge(30).fit(x[:, inside], y))
    np.testing.assert_array_equal(found.i.values, responses.i.values[inside])


def test_nobody_pays_for_weights_unasked(make_recipe):
    assert not any(step.product.startswith(("weights", "inverse", "left")) for step in plan(make_recipe()))


def test_tiles_of_a_whole_brain_stay_within_their_bytes():
    assert weigh.width_of(15_724) == 4096
    assert 226_000 * weigh.width_of(226_000) * 4 <= weigh.TILE
