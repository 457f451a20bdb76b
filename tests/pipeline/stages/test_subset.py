"""Voxels dropped at random, as published: drawn, fitted, scored on their own rows, the better draw kept."""

from __future__ import annotations

import numpy as np
import pytest
from sklearn.linear_model import Ridge

from cluster import Threads
from pipeline import plan, run
from pipeline.errors import RecipeError

THREADS = Threads(workers=2)
ONLY_PIXELS = {"features": {"pca": None}, "ridge": {"spaces": {"pca": None}}, "images": None, "scores": None}


def _dropping(count, **more):
    return {**ONLY_PIXELS, "data": {"drop": {"count": count, "seed": 3, "tries": 3, **more}}}


def _made(recipe):
    planned = run(recipe, cluster=THREADS).plan
    return {step.product: step.in_archive(planned.archive).open().load() for step in planned}


def _arrays(made):
    """Return training rows, test rows, and targets of the training rows, in float64."""
    responses, features = made["responses"], made["features/pixels"]
    place = {name: at for at, name in enumerate(features.image_id.values)}
    train = responses.split.values == "train"
    x = responses.response.values.astype(float)
    y = features.value.values.astype(float)[[place[name] for name in responses.image_id.values]]
    return x[train], x[~train], y[train]


def _plainly(x, y, count, seed=3, tries=3):
    """Return each try's score and the mask of the best, by scikit-learn and numpy alone."""
    random, found = np.random.default_rng(seed), []
    for _ in range(tries):
        kept = np.ones(x.shape[1], bool)
        kept[random.choice(x.shape[1], count, replace=False)] = False
        found.append((Ridge(alpha=30).fit(x[:, kept], y).score(x[:, kept], y), kept))
    return [score for score, _ in found], max(found, key=lambda pair: pair[0])[1]


@pytest.mark.parametrize(
    ("shape", "correction"),
    [
        ({"voxels": 120, "train": 40, "test": 12}, "none"),
        ({"voxels": 120, "train": 40, "test": 12}, "stored"),
        ({"voxels": 60, "train": 60, "test": 12}, "stored"),
        ({"voxels": 24, "train": 60, "test": 50}, "none"),
        ({"voxels": 60, "train": 20, "test": 12, "repeats": 3}, "none"),
    ],
)
def test_it_is_the_published_way_in_plain_scikit_learn(make_recipe, shape, correction):
    count = shape["voxels"] // 2
    changes = _dropping(count)
    changes["ridge"] = {"spaces": {"pca": None, "pixels": {"correction": correction, "weights": True}}}
    changes["responses"] = {"average_repeats": "test"}
    made = _made(make_recipe(changes, **shape))
    x, x_test, y = _arrays(made)
    scores, kept = _plainly(x, y, count)
    subset = made["subset/pixels"]
    np.testing.assert_allclose(subset.score.values, scores, atol=1e-5)
    assert len(set(scores)) == 3
    np.testing.assert_array_equal(subset.kept.values, kept)
    assert (subset.kept.attrs["count"], subset.kept.attrs["of"]) == (shape["voxels"] - count, shape["voxels"])
    expected = Ridge(alpha=30).fit(x[:, kept], y)
    weights = made["weights/pixels"]
    np.testing.assert_allclose(weights.weight.values, expected.coef_.T, atol=1e-5)
    if correction == "none":
        found, true = made["predictions/pixels"].predicted.values, expected.predict(x_test[:, kept])
        assert np.linalg.norm(found - true) < 1e-5 * np.linalg.norm(true - true.mean(axis=0))


def test_weights_say_which_voxels_they_are_of(make_recipe, arrays):
    given = arrays()
    given["ijk"] = np.stack([np.arange(120)] * 3, axis=1)
    changes = _dropping(50)
    changes["data"]["arrays"] = {"voxel_ijk": "ijk"}
    changes["ridge"] = {"spaces": {"pca": None, "pixels": {"weights": True}}}
    recipe = make_recipe(changes, given)
    assert "i" not in next(step for step in plan(recipe) if step.product == "weights/pixels").dataset.coords
    made = _made(recipe)
    np.testing.assert_array_equal(made["weights/pixels"].i, np.flatnonzero(made["subset/pixels"].kept))


def test_each_space_draws_anew_among_its_own_voxels_and_shares_nothing(make_recipe):
    """As published, where each of three regressions drops voxels of its own."""
    changes = {"data": {"drop": {"count": 70}}, "images": None, "scores": None}
    steps = {step.product: step for step in plan(make_recipe(changes))}
    assert steps["smoother/pixels"].inputs["gram"].product == "gram/pixels"
    assert steps["smoother/pca"].inputs["gram"].product == "gram/pca"
    assert steps["gram/pca"].inputs["voxels"].product == "subset/pca"
    assert "gram/all" not in steps
    assert steps["subset/pca"].settings["seed"] == 42
    assert steps["subset/pca"].settings["tries"] == 2


def test_planning_draws_nothing(make_recipe):
    """Shapes are known before the subset is: the plan takes no longer for it."""
    step = next(step for step in plan(make_recipe(_dropping(50))) if step.product == "subset/pixels")
    assert step.dataset.kept.chunks is not None
    assert step.cost.memory > 0
    assert step.cost.flops > 3 * 2 * 40 * 40 * 256


@pytest.mark.parametrize(
    ("drop", "message"),
    [
        (
            {"count": 120},
            r"\[data.drop\] count = 120 leaves none of the 120 voxels .*pixels\] has of s1; lower",
        ),
        ({"count": 0}, r"\[data.drop\] count = 0, but it should be greater than or equal to 1"),
        ({"tries": 0}, r"\[data.drop\] tries = 0, but it should be greater than or equal to 1"),
        ({"seed": -1}, r"\[data.drop\] seed = -1, but it should be greater than or equal to 0"),
        ({"share": 0.5}, r"\[data.drop\] takes no 'share' .*takes count, seed, tries"),
    ],
)
def test_what_cannot_be_dropped_is_one_line(make_recipe, drop, message):
    with pytest.raises(RecipeError, match=message) as told:
        plan(make_recipe(_dropping(**{"count": 50, **drop})))
    assert "\n" not in str(told.value)


def test_an_alpha_to_be_chosen_cannot_score_the_tries(make_recipe):
    changes = _dropping(50)
    changes["ridge"] = {"spaces": {"pca": None, "pixels": {"alpha": {"from": 1}}}}
    with pytest.raises(
        RecipeError, match=r"pixels.alpha\] is to be chosen, but \[data.drop\] .*give a number"
    ):
        make_recipe(changes)
