"""Bars: the mean picture, the nearest training picture, and generators fed with true features."""

from __future__ import annotations

import numpy as np
import pytest
import xarray as xr
from sklearn.neighbors import NearestNeighbors

from cluster import Threads
from pipeline import run
from pipeline.errors import RecipeError
from pipeline.stages.bars import neighbours
from pipeline.stages.reconstruct import images

THREADS = Threads(workers=2)
SIZES = {"voxels": 60, "train": 24, "test": 10}
TRUE = {"generator": "pca", "truth": True}
BARS = {"images": {"mean": {"generator": "mean"}, "near": {"generator": "nearest", "features": "pca"}}}


@pytest.fixture
def opened(make_recipe):
    """Return a function: run a recipe and open its products by name."""

    def made(changes, **sizes):
        planned = run(make_recipe(changes, **{**SIZES, **sizes}), cluster=THREADS).plan
        return {step.product: step.in_archive(planned.archive).open().load() for step in planned}

    return made


def test_the_mean_picture_is_that_of_the_distinct_training_pictures(opened):
    uneven = {**BARS, "responses": {"average_repeats": "none"}}
    found = opened(uneven, repeats=2)
    stimuli = found["stimuli"]
    expected = stimuli.picture.values[stimuli.split.values == "train"].mean(axis=0)
    made = found["images/mean"]
    assert made.picture.shape == (20, 1, 16, 16, 1)
    np.testing.assert_array_equal(
        made.picture.values, np.broadcast_to(np.round(expected), made.picture.shape)
    )
    assert made["repeat"].values.tolist() == found["predictions/pca"]["repeat"].values.tolist()


def test_the_nearest_picture_is_that_of_sklearn(opened):
    found = opened(BARS)
    features, told, made = found["features/pca"], found["predictions/pca"], found["images/near"]
    train = features.split.values == "train"
    known = features.value.values[train].astype(float)
    search = NearestNeighbors(n_neighbors=1, metric="cosine").fit(known - known.mean(axis=0))
    distance, place = search.kneighbors(told.predicted.values - known.mean(axis=0))
    expected = features.image_id.values[train][place[:, 0]]
    near = found["neighbours/pca"]
    responses = found["responses"]
    rows = responses.image_id.values[responses.split.values == "train"]
    assert rows[near.neighbour.values].tolist() == expected.tolist()
    np.testing.assert_allclose(near.similarity.values, 1 - distance[:, 0], rtol=1e-9)
    seen = found["stimuli"].set_index(image="image_id").sel(image=expected).picture.values
    np.testing.assert_array_equal(made.picture.values[:, 0], seen)


def test_features_that_stream_past_give_the_same_neighbours(monkeypatch):
    random = np.random.default_rng(0)
    names = np.array([f"p{at}" for at in range(9)], dtype=object)
    split = np.array(["train"] * 6 + ["test"] * 3, dtype=object)
    responses = xr.Dataset(
        coords={"image_id": ("row", names), "split": ("row", split)},
    )
    features = xr.Dataset(
        {"value": (("image", "feature"), random.normal(size=(9, 23)).astype(np.float32))},
        coords={"image_id": ("image", names)},
    )
    rows = {"image_id": names[6:], "repeat": np.full(3, -1, np.int16), "session": np.full(3, -1, np.int16)}
    predictions = xr.Dataset(
        {"predicted": (("row", "feature"), random.normal(size=(3, 23)).astype(np.float32))},
        coords={name: ("row", values) for name, values in rows.items()},
    )
    whole = neighbours(responses, features, predictions).compute()
    monkeypatch.setattr("pipeline.stages.bars.FEATURES", 5)
    parts = neighbours(responses, features, predictions).compute()
    assert whole.neighbour.values.tolist() == parts.neighbour.values.tolist()
    np.testing.assert_allclose(whole.similarity, parts.similarity, rtol=1e-12)


def test_a_prediction_that_says_nothing_is_near_to_no_picture():
    names = np.array(["a", "b", "c"], dtype=object)
    split = np.array(["train", "train", "test"], dtype=object)
    responses = xr.Dataset(coords={"image_id": ("row", names), "split": ("row", split)})
    value = np.array([[1, 3], [3, 1], [0, 0]], np.float32)
    features = xr.Dataset({"value": (("image", "feature"), value)}, coords={"image_id": ("image", names)})
    rows = {"image_id": names[2:], "repeat": np.array([-1], np.int16), "session": np.array([-1], np.int16)}
    mean = xr.Dataset(
        {"predicted": (("row", "feature"), np.array([[2, 2]], np.float32))},
        coords={name: ("row", values) for name, values in rows.items()},
    )
    assert neighbours(responses, features, mean).compute().similarity.values.tolist() == [0]


def test_true_features_are_the_test_pictures_own(opened):
    found = opened({"images": {"best": {**TRUE, "features": "pca"}}})
    features, told = found["features/pca"], found["true-features/pca"]
    expected = features.set_index(image="image_id").sel(image=told.image_id.values).value.values
    np.testing.assert_array_equal(told.predicted.values, expected)
    by_hand = images(told, found["basis/pca"], name="best", generator="pca").compute()
    np.testing.assert_array_equal(found["images/best"].picture.values, by_hand.picture.values)


def test_a_decoder_that_has_learned_is_fed_with_true_features(opened):
    net = {"generator": "conditional-ddpm", "steps": 2, "batch": 8}
    trained = {"model": "conditional-ddpm", "features": ["pca"], "size": 8, "steps": 2, "batch": 2}
    changes = {"train": {"net": trained}, "images": {"net": net, "ceiling": {**net, "truth": True}}}
    found = opened(changes)
    assert found["images/ceiling"].picture.shape == found["images/net"].picture.shape
    assert (found["images/ceiling"].picture.values != found["images/net"].picture.values).any()


@pytest.mark.parametrize(
    ("table", "said"),
    [
        ({"generator": "nearest"}, "'nearest' needs features"),
        ({"generator": "nearest", "features": "pcb"}, r"needs a table \[ridge.spaces.pcb\]"),
        ({"generator": "mean", "features": "pca"}, "'mean' paints without 'features'"),
        ({"generator": "mean", "truth": True}, "'mean' paints without 'truth'"),
        ({"generator": "mean", "samples": 2}, "'mean' paints without 'samples'"),
        ({"generator": "nearest", "features": "pca", "steps": 3}, "'nearest' paints without 'steps'"),
    ],
)
def test_keys_that_mean_nothing_to_a_bar_are_told(make_recipe, table, said):
    with pytest.raises(RecipeError, match=said):
        make_recipe({"images": {"bar": table}}, **SIZES)


def test_a_decoder_shown_voxels_has_no_true_features(make_recipe):
    trained = {"model": "voxel-ddpm", "size": 16, "steps": 2, "batch": 2}
    changes = {"train": {"net": trained}, "images": {"net": {"generator": "voxel-ddpm", "truth": True}}}
    with pytest.raises(RecipeError, match="this decoder is shown voxels"):
        make_recipe(changes, **SIZES)
