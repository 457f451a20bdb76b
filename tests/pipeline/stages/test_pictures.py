"""Pictures are stored as the release has them, or shrunk as they come."""

from __future__ import annotations

import numpy as np
import pytest

from cluster import Threads
from pipeline import load_recipe, plan, run
from pipeline.errors import RecipeError, ShapeError
from pipeline.features.resize import resize
from pipeline.planner import source_of
from pipeline.stages import pictures as stage
from storage.fetching import HELD
from storage.simulate import simulate_nsd

THREADS = Threads(workers=1)
SIDE = 16
"""Of the pictures of `make_recipe`, which are grey."""


@pytest.fixture(scope="module")
def release(tmp_path_factory):
    """Return the recipe of a small release of NSD."""
    folder = tmp_path_factory.mktemp("nsd") / "release"
    simulate_nsd(folder, subjects=1, sessions=1, grid=(10, 12, 10), images=90, size=30, seed=4)
    return folder / "recipe.toml"


def _asked(size):
    """Return changes of a recipe: ask for a size (None: for none), and for no scores of tiny pictures."""
    return {"data": {"picture_size": size}, "scores": None}


def _made(recipe):
    outcome = run(recipe, cluster=THREADS, until="ingest")
    (step,) = [each for each in outcome.plan if each.product == "stimuli"]
    return step.in_archive(outcome.plan.archive).open(raw=True)


def _steps(recipe):
    return {step.product: step for step in plan(recipe)}


def _came(recipe):
    pictures = source_of(recipe).images(recipe.data.subjects[0])
    return pictures.read(0, pictures.shape[0])


@pytest.mark.parametrize("size", [1, 7, SIDE - 1])
def test_grey_pictures_of_several_blocks_are_shrunk(make_recipe, size):
    recipe = make_recipe(_asked(size), train=120, voxels=5)
    found = _made(recipe)
    assert found.picture.shape == (132, size, size, 1)
    np.testing.assert_array_equal(found.picture.values, resize(_came(recipe), (size, size)))
    assert found.picture.attrs["resized_from"] == [SIDE, SIDE]
    assert found.split.values.tolist() == ["train"] * 120 + ["test"] * 12


def test_pictures_of_nsd_are_shrunk(release, tmp_path):
    recipe = load_recipe(release, [f'data.archive="{tmp_path / "archive"}"', "data.picture_size=12"])
    found, came = _made(recipe), _came(recipe)
    assert came.shape[1:] == (30, 30, 3)
    assert len(came) > stage.PICTURES  # several blocks
    np.testing.assert_array_equal(found.picture.values, resize(came, (12, 12)))
    assert "nsd_id" in found.coords


def test_proportions_are_not_kept(make_recipe, arrays):
    given = arrays(voxels=5)
    wide = {name: given[name][:, :12] for name in ("train_images", "test_images")}
    found = _made(make_recipe(_asked(10), {**given, **wide}))
    assert found.picture.shape[1:] == (10, 10, 1)
    assert found.picture.attrs["resized_from"] == [12, SIDE]


def test_their_own_size_leaves_them_as_they_are(make_recipe):
    recipe = make_recipe(_asked(SIDE), voxels=5)
    found = _made(recipe)
    np.testing.assert_array_equal(found.picture.values, _came(recipe))
    assert "resized_from" not in found.picture.attrs


def test_all_that_is_made_of_pictures_is_made_of_small_ones(make_recipe):
    small = {**_asked(12), "scores": {"pixels": {"metrics": ["pixcorr", "ssim"]}}}
    outcome = run(make_recipe(small, voxels=60), cluster=THREADS)
    scores = outcome.as_json()["subjects"]["s1"]["scores"]["pixels"]
    assert scores["pixcorr"]["low"] > scores["pixcorr"]["chance"]


def test_fingerprints_change_only_where_it_is_asked_for(make_recipe):
    as_they_are, small = _steps(make_recipe(_asked(None))), _steps(make_recipe(_asked(8)))
    assert dict(as_they_are["stimuli"].settings) == {}  # as it was before there was a size to ask for
    assert dict(small["stimuli"].settings) == {"size": 8}
    changed = {name for name in small if small[name].fingerprint != as_they_are[name].fingerprint}
    assert {"stimuli", "features/pixels", "images/pixels"} <= changed
    assert changed.isdisjoint({"trials", "voxels", "betas", "validity", "responses"})


def test_a_plan_counts_what_comes_and_what_is_kept(make_recipe):
    (came,) = [row for row in plan(make_recipe(_asked(None))).rows() if row["product"] == "stimuli"]
    (kept,) = [row for row in plan(make_recipe(_asked(8))).rows() if row["product"] == "stimuli"]
    assert kept["bytes_moved"] == came["bytes_moved"]
    assert came["bytes_kept"] - kept["bytes_kept"] == 52 * (SIDE**2 - 8**2)
    assert kept["memory"] == 3 * 52 * 8 * 8 + HELD  # one is made, one stored, one encoded


@pytest.mark.parametrize("size", [SIDE + 1, 8192])
def test_nothing_is_enlarged(make_recipe, tmp_path, size):
    recipe = make_recipe(_asked(size))
    says = rf"\[data\] picture_size = {size} would enlarge pictures of 16 x 16 pixels.* take at most 16"
    with pytest.raises(ShapeError, match=says):
        run(recipe, cluster=THREADS)
    assert not (tmp_path / "archive").exists()


@pytest.mark.parametrize("size", [0, -3, 9000, 1.5, "small"])
def test_what_is_no_size_is_refused(make_recipe, size):
    with pytest.raises(RecipeError, match=r"\[data\] picture_size"):
        make_recipe(_asked(size))


@pytest.mark.parametrize("stride", [2, 3])
def test_every_other_pixel_is_taken_as_a_published_workaround_does(make_recipe, stride):
    recipe = make_recipe({"data": {"picture_stride": stride}, "scores": None}, train=70, voxels=5)
    found = _made(recipe)
    np.testing.assert_array_equal(found.picture.values, _came(recipe)[:, ::stride, ::stride])
    assert (found.picture.attrs["resized_from"], found.picture.attrs["stride"]) == ([SIDE, SIDE], stride)


def test_pictures_are_shrunk_in_one_way(make_recipe):
    says = r"\[data\] picture_stride = 2 shrinks pictures as picture_size does, in another way; keep one"
    with pytest.raises(RecipeError, match=says):
        make_recipe({"data": {"picture_stride": 2, "picture_size": 8}})
