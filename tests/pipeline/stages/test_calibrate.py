"""Calibration: predictions get the spread of true features, feature by feature or picture by picture."""

from __future__ import annotations

import numpy as np
import pytest
import xarray as xr

from cluster import Threads
from pipeline import run
from pipeline.errors import RecipeError
from pipeline.stages import calibrate
from pipeline.stages.calibrate import calibrated

THREADS = Threads(workers=2)
SIZES = {"voxels": 60, "train": 24, "test": 8, "repeats": 2}


def asked(how, **further):
    spaces = {"pixels": {"alpha": 30}, "pca": {"alpha": 300, "correction": "none"}}
    table = {"generator": "pca", "calibrate": how, **further}
    return {
        "responses": {"average_repeats": "test"},
        "ridge": {"spaces": spaces},
        "images": {"more": table},
        "scores": None,
    }


def opened(planned, product):
    (step,) = [step for step in planned if step.product == product]
    return step.in_archive(planned.archive).open().load()


@pytest.fixture
def parts(monkeypatch):
    monkeypatch.setattr(calibrate, "FEATURES", 3)  # several parts of 8 features


def true_features(planned):
    responses, features = opened(planned, "responses"), opened(planned, "features/pca")
    place = {image: at for at, image in enumerate(features.image_id.values)}
    at = [place[image] for image in responses.image_id.values[responses.split.values == "train"]]
    return features.value.values[at].astype(float)


def test_std_gives_held_out_predictions_mean_and_spread_of_true_features(make_recipe, parts):
    planned = run(make_recipe(asked("std"), **SIZES), cluster=THREADS).plan
    known, told = opened(planned, "calibration-std/pca"), opened(planned, "training-predictions/pca")
    true = true_features(planned)
    np.testing.assert_allclose(known["mean"], true.mean(0), atol=1e-9)
    np.testing.assert_allclose(known["std"], true.std(0), rtol=1e-9)
    assert (known.predicted_std < known["std"]).all()  # shrunk
    made = calibrated(told.predicted.values, known).astype(float)
    np.testing.assert_allclose(made.mean(0), true.mean(0), atol=1e-4 * true.std())
    np.testing.assert_allclose(made.std(0), true.std(0), rtol=1e-4)


def test_norm_gives_each_row_the_mean_length_of_true_features(make_recipe, parts):
    planned = run(make_recipe(asked("norm"), **SIZES), cluster=THREADS).plan
    known, told = opened(planned, "calibration-norm/pca"), opened(planned, "predictions/pca").predicted.values
    assert "training-predictions/pca" not in {step.product for step in planned}
    true = true_features(planned)
    lengths = np.linalg.norm(true - true.mean(0), axis=1)
    assert float(known["norm"]) == pytest.approx(lengths.mean())
    apart = calibrated(told, known) - true.mean(0)
    np.testing.assert_allclose(np.linalg.norm(apart, axis=1), lengths.mean(), rtol=1e-4)
    before = told - true.mean(0)
    cosine = (apart * before).sum(1) / np.linalg.norm(apart, axis=1) / np.linalg.norm(before, axis=1)
    np.testing.assert_allclose(cosine, 1, atol=1e-5)


def test_pictures_are_found_more_often_by_embeddings_of_full_length():
    """Shrunk predictions all lie near the mean, as pooled CLIP embeddings have one, and find the same few."""
    random, rows, width = np.random.default_rng(0), 900, 128
    spread = np.arange(1, width + 1) ** -0.5
    true = random.normal(size=(rows, width)) * spread + np.linalg.norm(spread) / width**0.5
    voxels = (true - true.mean(0)) / spread @ random.normal(size=(width, 300)) / width**0.5
    voxels += 2 * random.normal(size=voxels.shape)
    train, test = slice(0, 600), slice(600, None)
    mean = true[train].mean(0)
    gram = voxels[train].T @ voxels[train] + 3000 * np.eye(300)
    told = mean + voxels[test] @ np.linalg.solve(gram, voxels[train].T @ (true[train] - mean))
    length = np.linalg.norm(true[train] - mean, axis=1).mean()
    known = xr.Dataset({"mean": ("feature", mean), "std": ("feature", true[train].std(0)), "norm": length})

    def found(made):
        seen, said = (one / np.linalg.norm(one, axis=1, keepdims=True) for one in (true[test], made))
        return ((said @ seen.T).argmax(axis=1) == np.arange(len(said))).mean()

    assert np.linalg.norm(told - mean, axis=1).mean() < 0.7 * length
    assert found(calibrated(told, known)) > 1.2 * found(told)


def test_a_row_at_the_mean_stays_there(make_recipe):
    known = opened(run(make_recipe(asked("norm"), **SIZES), cluster=THREADS).plan, "calibration-norm/pca")
    known["mean"][:] = known["mean"].astype(np.float32)
    mean = known["mean"].values[None].astype(np.float32)
    np.testing.assert_array_equal(calibrated(mean, known), mean)


def test_pictures_say_how_they_were_calibrated_and_are_others(make_recipe):
    changes = asked("norm")
    changes["images"]["plain"] = {"generator": "pca"}
    planned = run(make_recipe(changes, **SIZES), cluster=THREADS).plan
    more, plain, pixels = (opened(planned, f"images/{name}").picture for name in ("more", "plain", "pixels"))
    assert more.attrs["calibrate"] == "norm"
    assert "calibrate" not in plain.attrs
    assert "calibrate" not in pixels.attrs
    assert more.values.std(axis=0).mean() > 1.2 * plain.values.std(axis=0).mean()
    assert len({step.fingerprint for step in planned if step.product in ("images/more", "images/plain")}) == 2


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        (
            {"ridge": {"spaces": {"pca": {"alpha": 1, "correction": "stored"}}}},
            r"after correction = 'stored'",
        ),
        (
            {"ridge": {"spaces": {"pca": {"alpha": None, "estimator": "mlp", "correction": "none"}}}},
            r"a network that has seen all",
        ),
        (
            {
                "ridge": {
                    "spaces": {
                        "pca": {"alpha": {"from": 1, "to": 10, "per": "feature"}, "correction": "none"}
                    }
                }
            },
            r"whose alpha is chosen per feature; take per = 'space', or take 'norm'",
        ),
        ({"images": {"more": {"truth": True}}}, r"these pictures are of none"),
        (
            {
                "train": {"net": {"model": "conditional-ddpm", "features": ["pca"]}},
                "images": {"net": {"generator": "conditional-ddpm", "calibrate": "std"}},
            },
            r"has learned from voxels, or from held-out predictions as they are; leave it out",
        ),
    ],
)
def test_what_can_not_be_calibrated_is_refused(make_recipe, changes, said):
    given = asked("std")
    ridge = changes.get("ridge", given["ridge"])
    images = {**given["images"], **changes.get("images", {})}
    images["more"] = {**given["images"]["more"], **changes.get("images", {}).get("more", {})}
    with pytest.raises(RecipeError, match=said):
        make_recipe({**given, **changes, "ridge": ridge, "images": images}, **SIZES)
