"""From voxels to pictures by the maintained generators, with random weights, through a whole run."""

from __future__ import annotations

import numpy as np
import pytest

from cluster import Threads
from pipeline import plan, run
from pipeline.errors import ShapeError
from pipeline.recipe import Recipe
from pipeline.stages.frozen import RANDOM_WEIGHTS

SIZES = {"voxels": 60, "train": 24, "test": 5}
LOW = {"latents": {"model": "vdvae", "layers": 3}}
SMALL = {"size": 64, "steps": 3, "batch": 2, "calibrate": "norm", "start": "low-level", "strength": 0.7}


def asked(final, space=None, **images):
    space = {"model": "clip-image", "batch": 8, **(space or {})}
    return {
        "features": {"seen": space, **LOW},
        "ridge": {"spaces": {"seen": {"alpha": 30, "correction": "none"}, "latents": {"alpha": 30}}},
        "images": {
            "low-level": {"generator": "vdvae", "features": "latents"},
            "final": {"features": "seen", **SMALL, **final},
            **images,
        },
        "weights": "random",
        "scores": None,
    }


def opened(planned, product):
    (step,) = [step for step in planned if step.product == product]
    return step.in_archive(planned.archive).open().load()


@pytest.mark.parametrize(
    ("final", "space"),
    [
        ({"generator": "ip-adapter", "base": "sd15"}, {}),
        ({"generator": "kandinsky"}, {"encoder": "vit-bigg-14"}),
    ],
)
def test_a_run_paints_by_what_is_predicted(make_recipe, final, space):
    recipe = make_recipe(asked(final, space), **SIZES)
    planned = run(recipe, cluster=Threads(workers=2)).plan
    made = opened(planned, "images/final")
    assert made.picture.shape == (5, 1, 64, 64, 3)
    assert made.picture.attrs["note"] == RANDOM_WEIGHTS
    assert made.picture.attrs["calibrate"] == "norm"
    assert made.picture.values.std(axis=(2, 3)).min() > 5
    assert len(np.unique(made.picture.values.reshape(5, -1), axis=0)) == 5


def test_texts_guide_beside_the_embedding(make_recipe, arrays):
    given = arrays(**SIZES)
    for split in ("train", "test"):
        count = len(given[f"{split}_images"])
        given[f"{split}_captions"] = np.array([f"picture {at} of a disc" for at in range(count)])
    changes = asked({"generator": "ip-adapter", "base": "sd15"})
    changes["data"] = {"arrays": {f"{split}_captions": f"{split}_captions" for split in ("train", "test")}}
    changes["features"]["said"] = {"model": "prompt", "base": "sd15", "batch": 8}
    changes["ridge"]["spaces"]["said"] = {"alpha": 30, "correction": "none"}
    final = {**changes["images"]["final"], "features": {"image": "seen", "text": "said"}}
    changes["images"]["final"] = final
    changes["images"]["untold"] = {**final, "features": "seen"}
    planned = run(make_recipe(changes, given), cluster=Threads(workers=2)).plan
    said, made = opened(planned, "features/said"), opened(planned, "images/final").picture.values
    assert said.value.attrs["base"] == "sd15"
    assert made.shape == (5, 1, 64, 64, 3)
    assert (made != opened(planned, "images/untold").picture.values).any(axis=(1, 2, 3, 4)).all()
    final["base"], final["size"] = "sdxl", 64
    with pytest.raises(ShapeError, match=r"text has \d+ features, generator 'ip-adapter' takes \d+"):
        plan(make_recipe(changes, given))


@pytest.mark.slow
@pytest.mark.parametrize("preset", ["ip-adapter", "kandinsky"])
def test_a_preset_runs_with_random_weights(tmp_path, arrays, preset):
    given = arrays(**SIZES)
    np.savez(tmp_path / "release.npz", **given)
    tables = {
        "preset": preset,
        "weights": "random",
        "data": {
            "dataset": "arrays",
            "source": "release.npz",
            "archive": "archive",
            "subjects": ["s1"],
            "arrays": {name: name for name in given if "captions" not in name},
        },
        "images": {"final": {"size": 64, "steps": 4}},
    }
    planned = run(Recipe.from_mapping(tables, tmp_path), cluster=Threads(workers=2)).plan
    assert opened(planned, "images/final").picture.shape == (5, 1, 64, 64, 3)
    scores = opened(planned, "scores/final")
    assert np.isfinite(scores["mean"].values).all()


def test_a_space_of_another_encoder_is_refused_before_anything_runs(make_recipe):
    recipe = make_recipe(asked({"generator": "kandinsky"}), **SIZES)
    with pytest.raises(ShapeError, match=r"\[images.final\] .* 1024 features, .* 'kandinsky' takes 1280"):
        plan(recipe)
