"""A simulated release: repeatable to the byte, readable by the source, and decodable."""

from __future__ import annotations

import hashlib
import tomllib

import numpy as np
import pytest

from storage.remote import Location
from storage.simulate import simulate_arrays
from storage.simulate.brain import (
    CHANNELS,
    MAP,
    answer,
    channel_maps,
    ellipsoid,
    grow_brain,
    receptive_fields,
)
from storage.simulate.scenes import draw_scene, draw_scenes
from storage.simulate.showing import plan_showings
from storage.sources.arrays import ArraysSource

SMALL = {"subjects": 2, "grid": (6, 7, 5), "images": 20, "size": 16}


def source_of(folder) -> tuple[ArraysSource, dict]:
    recipe = tomllib.loads((folder / "recipe.toml").read_text())
    place = Location.of(recipe["data"]["source"], base=folder)
    return ArraysSource(place, **recipe["data"]["arrays"]), recipe


def digests(folder) -> dict[str, str]:
    files = [file for file in folder.rglob("*") if file.is_file()]
    return {str(file.relative_to(folder)): hashlib.sha256(file.read_bytes()).hexdigest() for file in files}


@pytest.fixture(scope="module")
def release(tmp_path_factory):
    folder = tmp_path_factory.mktemp("release")
    return folder, simulate_arrays(folder)


def test_the_source_reads_it_as_the_recipe_says(release):
    folder, made = release
    source, recipe = source_of(folder)
    assert recipe["data"]["subjects"] == ["subj01", "subj02"] == list(made.subjects)
    for subject in made.subjects:
        source.check(subject)
        assert source.betas(subject).shape == (900, made.voxels)
        assert source.images(subject).shape == (300, 64, 64, 3)
        trials = source.trials(subject)
        ids, counts = np.unique(trials.image_id.values, return_counts=True)
        assert (len(ids), set(counts)) == (300, {3})
        assert len(np.unique(trials.image_id.values[trials.test.values])) == 30
        assert sorted(np.unique(trials.repeat.values, return_counts=True)[1]) == [300, 300, 300]
    assert source.identity("subj01", "stimuli") == source.identity("subj02", "stimuli")
    assert source.identity("subj01", "betas") != source.identity("subj02", "betas")
    assert source.captions("subj01").caption.shape == (300, 1)
    assert made.nbytes == sum(file.stat().st_size for file in folder.rglob("*") if file.is_file())


def test_the_known_code_is_kept(release):
    folder, made = release
    with np.load(folder / "truth.npz") as truth:
        assert truth["channels"].tolist() == list(CHANNELS)
        assert truth["subj02/weight"].shape == (made.voxels, len(CHANNELS))
        ceiling = truth["subj01/noise_ceiling"]
    source, _ = source_of(folder)
    trials, rows = source.trials("subj01"), source.betas("subj01").read(0, 900)
    order = np.lexsort((trials.repeat.values, trials.image_id.values))
    shown = rows[order].reshape(300, 3, -1)
    noise = shown.var(axis=1, ddof=1).mean(axis=0) / 3
    found = 100 * (1 - noise / shown.mean(axis=1).var(axis=0, ddof=1))
    assert np.corrcoef(found, ceiling)[0, 1] > 0.93  # of so few showings it is an estimate
    assert abs(np.mean(found - ceiling)) < 2


def test_a_ridge_sees_the_test_pictures(release):
    from sklearn.linear_model import Ridge

    folder, _ = release
    source, recipe = source_of(folder)
    trials, rows = source.trials("subj01"), source.betas("subj01").read(0, 900)
    numbers = trials.image_id.values.astype(int)
    mean = np.stack([rows[numbers == number].mean(axis=0) for number in range(300)])
    pixels = (
        source.images("subj01").read(0, 300).reshape(300, 32, 2, 32, 2, 3).mean(axis=(2, 4)).reshape(300, -1)
        / 255
    )
    mean = (mean - mean[:270].mean(axis=0)) / mean[:270].std(axis=0, ddof=1)
    ridge = Ridge(recipe["ridge"]["spaces"]["pixels"]["alpha"]).fit(mean[:270], pixels[:270])
    made = np.clip(ridge.predict(mean[270:]), 0, 1)
    correlation = np.corrcoef(pixels[270:], made)[:30, 30:]
    own = np.diag(correlation)
    assert own.mean() > 0.5
    assert (own[None] > correlation).sum() / (30 * 29) > 0.95


def test_the_same_arguments_write_the_same_bytes(tmp_path):
    for name in ("a", "b"):
        simulate_arrays(tmp_path / name, **SMALL, seed=4)
    simulate_arrays(tmp_path / "a", **SMALL, seed=4)  # a second time over the first
    simulate_arrays(tmp_path / "c", **SMALL, seed=5)
    assert digests(tmp_path / "a") == digests(tmp_path / "b")
    assert digests(tmp_path / "a") != digests(tmp_path / "c")


def test_it_can_be_written_to_s3(s3_server, s3_bucket):
    target = Location.of(f"s3://{s3_bucket}/made", {"endpoint_url": s3_server})
    made = simulate_arrays(target, **SMALL)
    recipe = tomllib.loads(made.recipe.read().decode())
    assert recipe["data"]["source"] == f"s3://{s3_bucket}/made/arrays"
    place = Location.of(recipe["data"]["source"], {"endpoint_url": s3_server})
    ArraysSource(place, **recipe["data"]["arrays"]).check("subj01")


def test_a_folder_with_something_else_is_left_alone(tmp_path):
    (tmp_path / "thesis.txt").write_text("do not lose")
    with pytest.raises(ValueError, match="holds no simulated release: name a new folder"):
        simulate_arrays(tmp_path, **SMALL)
    assert [file.name for file in tmp_path.iterdir()] == ["thesis.txt"]


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (
            {"trials": 19},
            "3 sessions of 19 trials are too few to show 20 images 3 times: use at least 20 trials",
        ),
        ({"images": 9}, "use 10 images or more"),
        ({"sessions": 0}, "0 sessions"),
        ({"subjects": 0}, "0 subjects"),
        ({"seed": -1}, "seed of 0 or more"),
        ({"size": 7}, "use a size of at least 8"),
        ({"grid": (3, 0, 3)}, "3 x 0 x 3 holds no voxel"),
        ({"images": 10**12}, r"of memory, and this machine has .*: use fewer or smaller images"),
    ],
)
def test_numbers_that_do_not_go_together_write_nothing(tmp_path, change, said):
    with pytest.raises(ValueError, match=said):
        simulate_arrays(tmp_path / "new", **{**SMALL, **change})
    assert not (tmp_path / "new").exists()


@pytest.mark.parametrize(
    ("sessions", "trials", "images", "total"),
    [(3, None, 20, 60), (3, 25, 25, 75), (3, 26, 26, 78), (4, 16, 22, 64)],
)
def test_surplus_trials_show_new_pictures(sessions, trials, images, total):
    design = plan_showings(20, sessions, trials)
    shown, times = np.unique(design.order(np.random.default_rng(0)), return_counts=True)
    assert (design.test, design.images, times.sum()) == (2, images, total)
    assert shown.tolist() == list(range(images))
    assert set(np.delete(times, design.train - 1)) == {3}


def test_scenes_differ_and_depend_on_their_number_alone():
    pictures, captions = draw_scenes(3, 200, 24)
    assert len({picture.tobytes() for picture in pictures}) == 200
    np.testing.assert_array_equal(draw_scene(3, 150, 24).picture, pictures[150])
    assert draw_scene(3, 150, 24).caption == captions[150]
    words = " ".join(captions)
    for word in (
        "circle",
        "square",
        "triangle",
        "cross",
        "an orange",
        "a red",
        "striped",
        "checked",
        "dotted",
        "cloudy",
    ):
        assert word in words
    assert all(" on a " in caption for caption in captions)


@pytest.mark.parametrize("size", [8, 15, 16, 40])
def test_channel_maps_average_over_whole_pictures(size):
    pictures = np.random.default_rng(0).integers(0, 256, (3, size, size, 3), np.uint8)
    maps = channel_maps(pictures)
    assert maps.shape == (len(CHANNELS), 3, MAP, MAP)
    np.testing.assert_allclose(maps[0].mean(axis=(1, 2)), pictures.mean(axis=(1, 2, 3)) / 255, rtol=1e-5)


def test_voxels_answer_with_their_gain_from_within_their_field():
    brain = grow_brain((5, 6, 7), np.random.default_rng(0))
    fields = receptive_fields(brain)
    np.testing.assert_allclose(fields.sum(axis=1), 1, rtol=1e-5)
    signal = answer(brain, channel_maps(draw_scenes(0, 30, 16)[0]))
    np.testing.assert_allclose(signal.mean(axis=0), 0, atol=1e-5)
    np.testing.assert_allclose(signal.std(axis=0), brain.gain, rtol=1e-3)
    np.testing.assert_allclose(np.linalg.norm(brain.weight, axis=1), 1, rtol=1e-5)


@pytest.mark.parametrize("grid", [(1, 1, 1), (2, 1, 3), (20, 24, 18)])
def test_the_brain_lies_within_its_grid(grid):
    places = ellipsoid(grid)
    assert len(places) >= 1
    assert (places >= 0).all()
    assert (places < np.array(grid)).all()
    assert len(np.unique(places, axis=0)) == len(places)
