"""Pictures painted from predictions, and the seeds they would draw their noise from."""

from __future__ import annotations

import hashlib

import numpy as np
import pytest
import xarray as xr
from PIL import Image

from pipeline import plan
from pipeline.stages import reconstruct
from pipeline.stages.featurize import basis, features
from pipeline.stages.reconstruct import ROWS, images

SIDE = 8


def predictions(values: np.ndarray, shape: tuple[int, ...], repeat: int = -1) -> xr.Dataset:
    rows = len(values)
    names = np.array([f"picture-{row}" for row in range(rows)], dtype=object)
    return xr.Dataset(
        {"predicted": (("row", "feature"), values.astype(np.float32), {"unflattened": list(shape)})},
        coords={
            "image_id": ("row", names),
            "repeat": ("row", np.full(rows, repeat, np.int16)),
            "session": ("row", np.full(rows, -1, np.int16)),
        },
    )


def of_pixels(rows: int, channels: int = 1, seed: int = 0, **how: int) -> xr.Dataset:
    values = np.random.default_rng(seed).random((rows, SIDE * SIDE * channels))
    return predictions(values, (SIDE, SIDE, channels), **how)


def documented_seed(seed: int, name: str, image_id: str, repeat: int, sample: int) -> int:
    digest = hashlib.sha256(f"{seed}|{name}|{image_id}|{repeat}|{sample}".encode()).hexdigest()
    return int(digest[:16], 16) % 2**63


@pytest.mark.parametrize("channels", [1, 3])
def test_pixels_are_the_picture(channels):
    shown = np.random.default_rng(0).integers(0, 256, (ROWS + 5, SIDE, SIDE, channels), np.uint8)
    given = predictions(shown.reshape(len(shown), -1) / 255, shown.shape[1:])
    found = images(given, name="final", generator="pixels").compute()
    assert found.picture.dtype == np.uint8
    np.testing.assert_array_equal(found.picture.values, shown[:, None])
    assert found.image_id.values.tolist() == given.image_id.values.tolist()
    assert found.picture.attrs["generator"] == "pixels"


def test_what_is_darker_than_black_is_black():
    values = np.tile([-3.0, 0.0, 1.0, 7.0], (2, SIDE * SIDE // 4))
    found = images(predictions(values, (SIDE, SIDE, 1)), name="final", generator="pixels").compute()
    assert found.picture.values[0].ravel()[:4].tolist() == [0, 0, 255, 255]


@pytest.mark.parametrize("channels", [1, 3])
def test_components_lead_back_to_the_pictures_they_came_from(channels):
    random = np.random.default_rng(0)
    shown = random.integers(0, 256, (14, SIDE, SIDE, channels), np.uint8)
    split = np.array(["train"] * 12 + ["test"] * 2, dtype=object)
    names = np.array([f"p{at}" for at in range(14)], dtype=object)
    stimuli = xr.Dataset(
        {"picture": (("image", "y", "x", "channel"), shown)},
        coords={"image_id": ("image", names), "split": ("image", split)},
    )
    axes = basis(stimuli, size=SIDE, components=12).compute()
    encoded = features(stimuli, axes, model="pca", size=SIDE, components=12).compute()
    given = predictions(encoded.value.values[:12], (12,))
    found = images(given, axes, name="final", generator="pca").compute()
    assert found.picture.shape == (12, 1, SIDE, SIDE, channels)
    levels = found.picture.values[:, 0].astype(int) - shown[:12]
    assert abs(levels).max() <= 1


@pytest.mark.parametrize("size", [5, 20])
def test_pictures_are_resized_to_size(size):
    given = of_pixels(3, channels=3)
    plain = images(given, name="final", generator="pixels").compute().picture.values[:, 0]
    found = images(given, name="final", generator="pixels", size=size).compute().picture.values[:, 0]
    expected = [
        np.asarray(Image.fromarray(one).resize((size, size), Image.Resampling.BICUBIC)) for one in plain
    ]
    np.testing.assert_array_equal(found, expected)


def test_the_own_size_changes_nothing():
    given = of_pixels(2)
    plain, same = (images(given, name="a", generator="pixels", size=size).compute() for size in (None, SIDE))
    xr.testing.assert_identical(plain, same)


def test_every_sample_is_painted_and_has_a_seed_of_its_own():
    found = images(of_pixels(3), name="final", generator="pixels", samples=4).compute()
    assert found.picture.shape == (3, 4, SIDE, SIDE, 1)
    np.testing.assert_array_equal(found.picture.values, found.picture.values[:, :1].repeat(4, axis=1))
    assert len(np.unique(found.seed.values)) == 12


@pytest.mark.parametrize("repeat", [-1, 2])
def test_seeds_are_the_documented_ones_in_every_block(repeat):
    given = of_pixels(2 * ROWS + 3, repeat=repeat)
    found = images(given, name="final", generator="pixels", samples=2, seed=7).compute()
    expected = [
        [documented_seed(7, "final", name, repeat, sample) for sample in range(2)]
        for name in given.image_id.values
    ]
    assert found.seed.dtype == np.int64
    np.testing.assert_array_equal(found.seed.values, expected)
    assert found.seed.values.min() >= 0


def test_a_seed_stays_what_it_was():
    assert reconstruct.noise_seed(0, "final", "nsd46002", -1, 0) == 7728119385488335539


def test_seeds_know_recipe_and_images_name_but_not_the_brain():
    one, other = (of_pixels(4, seed=seed) for seed in (0, 1))
    assert not np.array_equal(one.predicted, other.predicted)
    how = {"name": "final", "generator": "pixels", "seed": 3}
    first, second = (images(given, **how).compute().seed.values for given in (one, other))
    np.testing.assert_array_equal(first, second)
    for change in ({"name": "low-level"}, {"seed": 4}):
        assert not np.isin(images(one, **{**how, **change}).compute().seed.values, first).any()


def test_two_subjects_of_a_recipe_share_their_seeds(make_recipe):
    planned = plan(make_recipe({"data": {"subjects": ["s1", "s2"]}}, voxels=20, train=12, test=3))
    one, other = (
        step.dataset for step in planned if step.product == "images/pixels" and step.owner in ("s1", "s2")
    )
    np.testing.assert_array_equal(one.seed.values, other.seed.values)


def test_seeds_wait_for_their_block(monkeypatch):
    asked = []
    monkeypatch.setattr(reconstruct, "noise_seed", lambda *what: asked.append(what) or 0)
    lazy = images(of_pixels(ROWS + 1), name="final", generator="pixels", samples=3)
    assert asked == []
    lazy.seed[ROWS:].compute()
    assert {what[2] for what in asked} == {f"picture-{ROWS}"}
    assert len(asked) == 3
