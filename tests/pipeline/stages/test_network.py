"""The network in mini-batches as a recipe's estimator: the same products downstream, no penalty."""

from __future__ import annotations

import numpy as np
import pytest

from cluster import Threads
from pipeline import plan, run
from pipeline.errors import RecipeError, ShapeError
from pipeline.recipe import Recipe
from pipeline.stages import network as stage
from pipeline.training.perceptron import CHUNK, EPOCHS, Perceptron

THREADS = Threads(workers=2)


def _tables(**space):
    changed = {"features": {"pca": None}, "images": {"pca": None}, "scores": {"pca": None}, "ridge": None}
    return {
        **changed,
        "ridge": {"spaces": {"pca": None, "pixels": {"alpha": None, "estimator": "mlp", **space}}},
    }


def _made(recipe):
    planned = run(recipe, cluster=THREADS).plan
    return {step.product: step.in_archive(planned.archive).open().load() for step in planned}


def _plainly(made, seed=0, chunk=CHUNK):
    """Return predictions and training targets by scikit-learn's scaler and the network, row after row."""
    from sklearn.preprocessing import StandardScaler

    responses, features = made["responses"], made["features/pixels"]
    place = {name: at for at, name in enumerate(features.image_id.values)}
    y = features.value.values[[place[name] for name in responses.image_id.values]].astype(np.float32)
    train = responses.split.values == "train"
    scaler = StandardScaler().fit(responses.response.values[train].astype(float))
    x = scaler.transform(responses.response.values.astype(float)).astype(np.float32)
    random = np.random.default_rng(seed)
    learner = Perceptron(x.shape[1], y.shape[1], random)
    for start in range(0, int(train.sum()), chunk):
        learner.learn(x[train][start : start + chunk], y[train][start : start + chunk], random)
    return learner.hidden(x[~train]) @ learner.out + learner.out_bias, y[train]


@pytest.mark.parametrize("repeats", [1, 2])
@pytest.mark.parametrize("correction", ["none", "test-batch"])
def test_predictions_are_those_of_the_plain_way(make_recipe, monkeypatch, correction, repeats):
    monkeypatch.setattr(stage, "CHUNK", 25)  # several chunks, a short last one
    changes = {**_tables(correction=correction), "responses": {"average_repeats": "test"}, "seed": 5}
    made = _made(make_recipe(changes, voxels=50, train=40, repeats=repeats))
    expected, y = _plainly(made, 5, 25)
    if correction == "test-batch":
        shifted = (expected - expected.mean(axis=0)) / expected.std(axis=0)
        expected = shifted * y.std(axis=0) + y.mean(axis=0)
    found = made["predictions/pixels"]
    np.testing.assert_allclose(found.predicted.values, expected, atol=1e-4)
    assert np.isnan(found.alpha.values).all()
    assert np.isnan(found.stored_mean.values).all()
    assert made["network/pixels"].sizes["step"] == EPOCHS * -(-40 * repeats // 25)
    assert {"images/pixels", "scores/pixels"} <= set(made)
    assert not {"gram/all", "condition/all", "smoother/pixels"} & set(made)


def test_the_same_seed_gives_the_same_bits_and_another_gives_others(make_recipe, tmp_path, stored_bytes):
    def stored(archive, seed):
        run(make_recipe({**_tables(), "seed": seed, "data": {"archive": archive}}), cluster=THREADS)
        found = stored_bytes(tmp_path / archive)
        return {name: content for name, content in found.items() if "/data/out/c" in name}

    first, second, third = stored("one", 0), stored("two", 0), stored("three", 1)
    assert first
    assert first == second
    assert not set(first.values()) & set(third.values())


def test_a_ridge_and_a_network_share_a_recipe(make_recipe):
    """Where one space is a network, the Gram of the others is what it was."""
    both = plan(
        make_recipe({"ridge": {"spaces": {"pca": {"alpha": None, "correction": "none", "estimator": "mlp"}}}})
    )
    alone = plan(
        make_recipe({"ridge": {"spaces": {"pca": None}}, "images": {"pca": None}, "scores": {"pca": None}})
    )
    first, second = ({step.product: step.fingerprint for step in planned} for planned in (both, alone))
    assert first["gram/all"] == second["gram/all"]
    assert "smoother/pca" not in first


def test_a_plan_refuses_what_one_block_cannot_hold(make_recipe):
    planned = plan(make_recipe(_tables()))
    step = next(step for step in planned if step.product == "network/pixels")
    assert step.cost.memory > 6 * 4 * 64 * (120 + 256)
    (refusal,) = [text for text in planned.refusals(step.cost.memory - 1) if "network/pixels" in text]
    assert "raise [cluster] memory" in refusal


def test_a_single_test_row_cannot_be_corrected_by_its_own_batch(make_recipe):
    recipe = make_recipe({**_tables(correction="test-batch"), "images": None, "scores": None}, test=1)
    with pytest.raises(ShapeError, match='needs two test rows at least, found 1; use "none"'):
        plan(recipe)


@pytest.mark.parametrize(
    ("space", "message"),
    [
        ({"alpha": 10}, r"\[ridge.spaces.pixels\] takes no 'alpha' .* takes estimator, correction, rois"),
        ({"weights": True}, r"\[ridge.spaces.pixels\] takes no 'weights'"),
        (
            {"correction": "stored"},
            r"correction = 'stored' is not in this version, which has none, test-batch",
        ),
        ({"estimator": "svm"}, r"\[ridge.spaces.pixels\] estimator = 'svm' .* which has ridge, mlp"),
        ({"estimator": "ridge"}, r"\[ridge.spaces.pixels\] lacks 'alpha', which has no default; add it"),
        ({"rois": "early"}, r"\[ridge.spaces.pixels\] rois = 'early' names no region"),
    ],
)
def test_what_does_not_fit_a_network_is_one_line(make_recipe, space, message):
    with pytest.raises(RecipeError, match=message) as told:
        make_recipe(_tables(**space))
    assert "\n" not in str(told.value)


def test_no_voxels_are_dropped_for_a_network(make_recipe):
    changes = {**_tables(), "data": {"drop": {"count": 3}}}
    with pytest.raises(RecipeError, match=r"spaces.pixels\] is a network, .*\[data.drop\]"):
        make_recipe(changes)


def test_no_decoder_learns_from_a_network(make_recipe):
    changes = {**_tables(), "train": {"small": {"model": "conditional-ddpm", "features": ["pixels"]}}}
    with pytest.raises(RecipeError, match="learns from pixels, a network that has seen all pictures"):
        make_recipe(changes)


def test_a_preset_gives_way_to_the_network(tmp_path):
    """The preset's alpha is nothing that a user wrote; their own is."""
    keys = ("train_voxels", "test_voxels", "train_images", "test_images")
    data = {"dataset": "arrays", "source": "v.npz", "archive": "a", "subjects": ["s1"]}
    said = {"preset": "pixels", "data": {**data, "arrays": {key: key for key in keys}}}
    recipe = Recipe.from_mapping({**said, "ridge": {"spaces": {"pixels": {"estimator": "mlp"}}}}, tmp_path)
    assert recipe.ridge.spaces["pixels"].estimator == "mlp"
    both = {"estimator": "mlp", "alpha": 3}
    with pytest.raises(RecipeError, match="takes no 'alpha'"):
        Recipe.from_mapping({**said, "ridge": {"spaces": {"pixels": both}}}, tmp_path)
