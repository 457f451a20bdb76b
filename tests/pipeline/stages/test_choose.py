"""Alphas that are chosen: what scikit-learn would choose, near the best there is on pictures never seen."""

from __future__ import annotations

import contextlib
import shutil

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sklearn.linear_model import Ridge, RidgeCV

from cluster import Threads
from pipeline import plan, run
from pipeline.errors import RecipeError, ShapeError
from pipeline.outcome import Listener
from pipeline.portions import Portions
from pipeline.ridge import grid

THREADS = Threads(workers=2)
SHAPES = {
    "dual": {"voxels": 120, "train": 40, "test": 12},
    "primal": {"voxels": 30, "train": 60, "test": 12},
}


def _made(recipe):
    planned = run(recipe, cluster=THREADS).plan
    return {step.product: step.in_archive(planned.archive).open().load() for step in planned}


def _parts(made, space="pixels"):
    """Return training rows, test rows and their targets, in float64."""
    responses, features = made["responses"], made[f"features/{space}"]
    place = {name: at for at, name in enumerate(features.image_id.values)}
    x = responses.response.values.astype(float)
    y = features.value.values.astype(float)[[place[name] for name in responses.image_id.values]]
    train = responses.split.values == "train"
    return x[train], x[~train], y[train], y[~train]


def _recipe(make_recipe, alpha, changes=None, **how):
    spaces = {"pixels": {"alpha": {"from": 0.1, "to": 1e4, **alpha}, **(changes or {})}, "pca": None}
    return make_recipe({"ridge": {"spaces": spaces}, "images": None, "scores": None}, **how)


def _relative(found, expected):
    return float(np.linalg.norm(found - expected) / np.linalg.norm(expected - expected.mean(axis=0)))


@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize("count", [3, 25])
def test_one_alpha_a_space_is_the_one_of_ridgecv(make_recipe, shape, count):
    made = _made(_recipe(make_recipe, {"count": count, "by": "loo"}, **SHAPES[shape]))
    x, x_test, y, _ = _parts(made)
    expected = RidgeCV(grid(0.1, 1e4, count)).fit(x, y)
    chosen = made["alpha/pixels"]
    assert float(chosen.alpha) == expected.alpha_
    assert chosen.tried.values.tolist() == list(grid(0.1, 1e4, count))
    best = 1 + expected.best_score_ / y.var(axis=0).mean()
    np.testing.assert_allclose(chosen.score.values.max(), best, rtol=1e-5)
    found = made["predictions/pixels"]
    assert _relative(found.predicted.values, expected.predict(x_test)) < 1e-5
    assert (found.alpha.values == expected.alpha_).all()
    spectral = shape == "primal" or count == 25
    assert ("spectrum/all" in made) == spectral


@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize("correction", ["none", "stored", "test-batch"])
def test_an_alpha_a_feature_is_the_one_of_ridgecv(make_recipe, shape, correction):
    recipe = _recipe(
        make_recipe, {"count": 11, "per": "feature", "by": "loo"}, {"correction": correction}, **SHAPES[shape]
    )
    made = _made(recipe)
    x, x_test, y, _ = _parts(made)
    expected = RidgeCV(grid(0.1, 1e4, 11), alpha_per_target=True).fit(x, y)
    found = made["predictions/pixels"]
    varying = y.std(axis=0) > 1e-6
    np.testing.assert_array_equal(found.alpha.values[varying], expected.alpha_[varying])
    assert len(np.unique(found.alpha.values)) > 2
    raw = Ridge(found.alpha.values).fit(x, y).predict(x_test)
    if correction == "none":
        assert _relative(found.predicted.values, raw) < 1e-5
        return
    source = raw
    if correction == "stored":
        source = np.array(
            [
                Ridge(found.alpha.values).fit(np.delete(x, i, 0), np.delete(y, i, 0)).predict(x[[i]])[0]
                for i in range(len(x))
            ]
        )
        np.testing.assert_allclose(found.stored_mean.values, source.mean(axis=0), atol=1e-5)
        np.testing.assert_allclose(found.stored_std.values, source.std(axis=0), atol=1e-5)
    scale = y.std(axis=0) / np.where(source.std(axis=0) > 1e-12, source.std(axis=0), np.inf)
    assert _relative(found.predicted.values, (raw - source.mean(axis=0)) * scale + y.mean(axis=0)) < 1e-5


@pytest.mark.parametrize("by", ["gcv", "loo", "kfold", "retrieval"])
@pytest.mark.parametrize("per", ["space", "feature"])
def test_what_is_chosen_is_near_the_best_on_unseen_pictures(make_recipe, by, per):
    if (per, by) == ("feature", "retrieval"):
        return
    made = _made(_recipe(make_recipe, {"count": 11, "by": by, "per": per}, train=60, test=40, noise=2.0))
    x, x_test, y, y_test = _parts(made)
    errors = [((Ridge(alpha).fit(x, y).predict(x_test) - y_test) ** 2).mean() for alpha in grid(0.1, 1e4, 11)]
    found = ((made["predictions/pixels"].predicted.values - y_test) ** 2).mean()
    assert found < 1.1 * min(errors) < 0.8 * max(errors)
    if per == "space":
        score = made["alpha/pixels"].score.values
        assert score.argmax() not in (0, len(score) - 1)
        assert len(set(score.tolist())) > 5


def test_shuffled_pictures_are_told_by_the_mean(make_recipe, arrays):
    """Without a relation the largest penalty wins, and retrieval is at chance."""
    given = arrays(train=60)
    given["train_images"] = given["train_images"][np.random.default_rng(3).permutation(60)]
    found = {}
    for by in ("loo", "retrieval"):
        spaces = {"pixels": {"alpha": {"from": 0.1, "to": 1e6, "by": by}}, "pca": None}
        changes = {"data": {"archive": by}, "ridge": {"spaces": spaces}, "images": None, "scores": None}
        found[by] = _made(make_recipe(changes, given))["alpha/pixels"]
    assert float(found["loo"].alpha) >= 1e4
    assert found["loo"].score.values.max() < 0.05
    assert abs(found["retrieval"].score.values - 0.5).max() < 0.2


@pytest.mark.parametrize("by", ["loo", "kfold", "retrieval"])
@pytest.mark.parametrize("per", ["space", "feature"])
def test_trials_of_a_picture_are_left_out_together(make_recipe, by, per):
    """Were a picture's other trials left in, small penalties would look best."""
    if (per, by) == ("feature", "retrieval"):
        return
    recipe = _recipe(make_recipe, {"by": by, "per": per}, {"correction": "stored"}, repeats=3, noise=2.0)
    recipe = recipe.model_copy(
        update={"responses": recipe.responses.model_copy(update={"average_repeats": "none"})}
    )
    made = _made(recipe)
    responses = made["responses"].isel(row=made["responses"].split.values == "train")
    x, _, y, _ = _parts(made)
    if by == "loo" and per == "space":
        errors = []
        for alpha in grid(0.1, 1e4, 11):
            left = [
                (Ridge(alpha).fit(x[~own], y[~own]).predict(x[own]) - y[own]) ** 2
                for own in (
                    responses.image_id.values == name for name in np.unique(responses.image_id.values)
                )
            ]
            errors.append(np.concatenate(left).mean() / y.var(axis=0).mean())
        np.testing.assert_allclose(made["alpha/pixels"].score.values, 1 - np.array(errors), rtol=1e-4)
    assert np.median(made["predictions/pixels"].alpha.values) > 1
    ceiling = made["predictions/pixels"].ceiling.values
    assert 0.3 < np.median(ceiling) < 0.95
    assert np.median(made["predictions/pixels"].r.values) < np.median(ceiling)


def test_gcv_is_refused_where_pictures_have_several_rows(make_recipe):
    recipe = _recipe(make_recipe, {"by": "gcv"}, repeats=3)
    recipe = recipe.model_copy(
        update={"responses": recipe.responses.model_copy(update={"average_repeats": "none"})}
    )
    with pytest.raises(RecipeError, match=r'by = "gcv" would score 120 single trials of 40 pictures'):
        plan(recipe)


def test_spaces_share_a_spectrum_and_plan_knows_its_cost(make_recipe):
    spaces = {
        "pixels": {"alpha": {"per": "feature", "by": "gcv"}},
        "pca": {"alpha": {"by": "kfold", "count": 30}},
    }
    steps = {step.product: step for step in plan(make_recipe({"ridge": {"spaces": spaces}}))}
    assert steps["predictions/pixels"].inputs["spectrum"] is steps["alpha/pca"].inputs["spectrum"]
    assert "smoother/pixels" not in steps
    n = 40
    assert steps["spectrum/all"].cost.flops == pytest.approx(19 / 3 * n**3, rel=0.01)
    assert steps["spectrum/all"].cost.memory == 3 * n * n * 8
    assert steps["alpha/pca"].cost.flops == 31 * 2 * n * n * 8
    assert steps["predictions/pixels"].cost.flops > 2 * n * n * 256


def test_retrieval_needs_two_pictures_a_fold_before_anything_is_written(make_recipe, tmp_path):
    with pytest.raises(ShapeError, match=r"fold \d of 5 holds one alone; lower \[ridge\] folds"):
        plan(_recipe(make_recipe, {"by": "retrieval"}, train=9))
    assert not (tmp_path / "archive").exists()


SPACES = {
    "pixels": {"alpha": {"per": "feature", "by": "gcv", "from": 1, "to": 1e4}, "weights": True},
    "pca": {"alpha": {"by": "retrieval", "from": 1, "to": 1e4}, "correction": "stored", "weights": True},
}


class Stopped(Exception):
    """A run is cut off."""


class Stopper(Listener):
    """Cuts a run off when a stage begins."""

    def __init__(self, stages: int) -> None:
        self.left = stages

    def stage_started(self, step, todo, total):
        self.left -= 1
        if self.left < 0:
            raise Stopped


@settings(max_examples=4, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.integers(1, 3), st.randoms(use_true_random=False), st.lists(st.integers(3, 14), max_size=2))
def test_any_workers_order_and_interruption_give_the_same_bytes(
    make_recipe, stored_bytes, tmp_path, workers, order, stops
):
    def archived(name, cluster, stops=()):
        changes = {"data": {"archive": name}, "ridge": {"spaces": SPACES}, "images": None, "scores": None}
        recipe = make_recipe(changes, seed=4)
        for stop in stops:
            with contextlib.suppress(Stopped):
                run(recipe, cluster=cluster, listener=Stopper(stop))
        run(recipe, cluster=cluster)
        return stored_bytes(tmp_path / name)

    if not (tmp_path / "plain").exists():
        archived("plain", THREADS)
    shutil.rmtree(tmp_path / "other", ignore_errors=True)
    with pytest.MonkeyPatch.context() as patch:
        shuffled = lambda self: ([one] for one in order.sample(list(self.missing), len(self.missing)))  # noqa: E731
        patch.setattr(Portions, "__iter__", shuffled)
        found = archived("other", Threads(workers=workers), stops)
    assert len(found) > 50
    assert found == stored_bytes(tmp_path / "plain")
