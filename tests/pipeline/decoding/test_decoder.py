"""New rows that are a finished run's own test rows give the run's own predictions and pictures."""

from __future__ import annotations

import numpy as np
import pytest

from pipeline import decode
from pipeline.decoding import Decoder
from pipeline.decoding.multipliers import Spectral
from pipeline.decoding.recordings import BY_GROUP, BY_VOXEL
from pipeline.decoding.spaces import Space
from pipeline.errors import RecipeError, ShapeError
from storage.errors import Damaged, Missing, Unsealed

PER_FEATURE = {"alpha": {"from": 1, "to": 1e4, "count": 3, "per": "feature"}}
PRIMAL = {"voxels": 11, "train": 24, "test": 9}
LEFT = {"voxels": 5, "train": 30, "test": 12}


def space(pixels, pca=None):
    return {"ridge": {"spaces": {"pixels": pixels, **({"pca": pca} if pca else {})}}}


def assert_its_own(run, through=None, *, rows=None, standardized=False):
    """Assert that the run's test rows are decoded to what the run made of them."""
    rows = run.percent if rows is None else rows
    decoder = Decoder.of(run.recipe, rows, standardized=standardized, image_id=run.ids)
    for name in run.recipe.ridge.spaces:
        mine, its = decoder.predictions(name).predicted, run.open(f"predictions/{name}").predicted
        scale = max(1.0, float(abs(its).max()))
        np.testing.assert_allclose(mine.values, its.values, atol=1e-5 * scale, err_msg=name)
        if through and name == "pixels":
            assert through in mine.attrs["through"]
    for name in decoder.chosen():
        made, its = decoder.painted(name), run.open(f"images/{name}")
        assert abs(made.picture.values.astype(int) - its.picture.values).max() == 0
        np.testing.assert_array_equal(made.image_id.values, its.image_id.values)
    return decoder


@pytest.mark.parametrize(
    ("changes", "how", "through"),
    [
        ({}, {}, "a factor of the Gram"),
        ({}, PRIMAL, "a factor of the Gram"),
        ({}, LEFT, "left factor"),
        (space({"weights": True}), {}, "stored weights"),
        (space({"weights": True, "correction": "stored"}), {}, "stored weights"),
        (space({"weights": True}), PRIMAL, "stored weights"),
        (space({"weights": True, "correction": "test-batch"}, {"correction": "test-batch"}), LEFT, None),
        (space({"correction": "stored"}), PRIMAL, "a factor of the Gram"),
        (space({"correction": "test-batch"}), {"repeats": 2}, "a factor of the Gram"),
        (space({"alpha": {"from": 1, "to": 1e4, "count": 3}}), {}, "a factor of the Gram"),
        (space({"precision": "float64"}), {}, "a factor of the Gram"),
        (space(PER_FEATURE, {**PER_FEATURE, "correction": "stored"}), {"test": 3}, "spectrum"),
        (space(PER_FEATURE, {**PER_FEATURE, "correction": "test-batch"}), {"test": 30}, "spectrum"),
        (space(PER_FEATURE, PER_FEATURE), PRIMAL, "spectrum"),
        (space({**PER_FEATURE, "weights": True}), {}, "stored weights"),
        (space({"estimator": "mlp", "alpha": None}), {}, "network"),
        (space({"estimator": "mlp", "alpha": None, "correction": "test-batch"}), PRIMAL, "network"),
        ({"data": {"drop": {"count": 50, "seed": 1, "tries": 2}}}, {}, "a factor of the Gram"),
        (
            {"data": {"drop": {"count": 50, "seed": 1, "tries": 2}}, **space({"weights": True})},
            {},
            "stored weights",
        ),
    ],
)
def test_every_kind_of_ridge(finished, monkeypatch, changes, how, through):
    if through == "stored weights":  # which cost more, at these sizes
        monkeypatch.setattr(Space, "_by_weights", lambda *_: 0.0)
    assert_its_own(finished(changes, **how), through)


@pytest.mark.parametrize("standardize", ["train", "rows", "scalar", "all-trials", "none"])
@pytest.mark.parametrize("average", ["all", "test", "none"])
def test_rows_are_standardised_and_averaged_as_the_run_was(finished, standardize, average):
    changes = {"responses": {"standardize": standardize, "average_repeats": average}}
    assert_its_own(finished(changes, repeats=2, train=20, test=4, voxels=30))


@pytest.mark.parametrize("standardize", ["session", "run"])
def test_rows_of_sessions_are_standardised_by_whoever_recorded_them(finished, standardize):
    run = finished({"responses": {"standardize": standardize}})
    with pytest.raises(RecipeError, match=rf"by the trials of each {standardize}.*--standardized"):
        Decoder.of(run.recipe, run.percent)
    assert_its_own(run, rows=run.test.response.values, standardized=True)


def test_every_standardisation_a_recipe_knows_is_thought_of():
    from typing import get_args

    from pipeline.recipe.tables import Responses

    known = get_args(Responses.model_fields["standardize"].annotation)
    assert set(known) == {*BY_VOXEL, *BY_GROUP, "scalar", "none"}


def test_rows_that_are_standardised_already(finished):
    run = finished()
    assert_its_own(run, rows=run.test.response.values, standardized=True)
    run = finished({"responses": {"standardize": "none"}})
    with pytest.raises(RecipeError, match=r"learned from percent signal change; give that"):
        Decoder.of(run.recipe, run.percent, standardized=True)


def test_weights_are_taken_where_they_cost_less_than_training_rows(finished):
    many = finished(space({"weights": True}), voxels=400, train=10, test=2)
    assert_its_own(many, "a factor of the Gram")
    few = finished(space({"weights": True}), voxels=60, train=50, test=2)
    assert_its_own(few, "stored weights")


def test_smoothers_of_few_rows_and_components_of_many_say_the_same(finished, monkeypatch):
    run = finished(space(PER_FEATURE), voxels=60)
    few, many = (Decoder.of(run.recipe, run.percent[:rows]).predictions("pixels") for rows in (5, 12))
    seen = []
    monkeypatch.setattr(Spectral, "by_smoothers", property(lambda self: seen.append(self) or False))
    again = Decoder.of(run.recipe, run.percent[:5]).predictions("pixels")
    assert len(seen) == 1
    np.testing.assert_allclose(few.predicted, again.predicted, atol=1e-5)
    np.testing.assert_allclose(few.predicted, many.predicted[:5], atol=1e-5)


@pytest.mark.parametrize("correction", ["none", "stored"])
def test_one_row_is_decoded_as_among_others(finished, correction):
    run = finished(space({"correction": correction}))
    alone = Decoder.of(run.recipe, run.percent[3])
    among = Decoder.of(run.recipe, run.percent)
    for name in ("pixels", "pca"):
        one, all_ = alone.predictions(name).predicted, among.predictions(name).predicted
        np.testing.assert_allclose(one.values[0], all_.values[3], atol=1e-5)


def test_one_row_is_no_batch(finished):
    run = finished(space({"correction": "test-batch"}))
    decoder = Decoder.of(run.recipe, run.percent[:1])
    with pytest.raises(
        ShapeError, match=r'pixels\] correction = "test-batch" .* holds 1: give two .* "stored"'
    ):
        decoder.chosen()
    assert decoder.chosen(["pca"]) == ("pca",)
    assert Decoder.of(run.recipe, run.percent[:2]).chosen() == ("pixels", "pca")


# --- pictures --------------------------------------------------------------------------------------

NET = {"model": "conditional-ddpm", "features": ["pca"], "size": 8, "steps": 2, "batch": 2}


@pytest.mark.slow
def test_decoders_that_learned_paint_the_same_from_the_same_seeds(finished):
    voxels = {"model": "voxel-ddpm", "features": ["responses"], "size": 16, "steps": 2, "batch": 2}
    images = {
        "net": {"generator": "conditional-ddpm", "steps": 2, "batch": 4, "samples": 2},
        "low": {"generator": "voxel-ddpm", "model": "low", "steps": 2, "batch": 4},
        "begun": {"generator": "conditional-ddpm", "model": "net", "start": "low", "steps": 2, "batch": 4},
        "from-best": {"generator": "conditional-ddpm", "model": "net", "start": "best", "steps": 2},
        "best": {"generator": "pca", "features": "pca", "truth": True},
        "mean": {"generator": "mean"},
        "near": {"generator": "nearest", "features": "pca"},
        "far": {"generator": "pca", "features": "pca", "calibrate": "norm"},
    }
    ridge = space({"alpha": 30}, {"correction": "none"})
    run = finished({"train": {"net": NET, "low": voxels}, "images": images, **ridge}, train=12, test=5)
    decoder = Decoder.of(run.recipe, run.percent, image_id=run.ids)
    assert set(decoder.chosen()) == set(run.recipe.images) - {"best", "from-best"}
    for name in decoder.chosen():
        made, its = decoder.painted(name), run.open(f"images/{name}")
        np.testing.assert_array_equal(made.seed.values, its.seed.values)
        off = abs(made.picture.values.astype(int) - its.picture.values).max()
        assert off <= (0 if name in ("pixels", "pca", "mean", "near", "far") else 1), name
    assert decoder.chosen()[0] == "begun"  # so that what it starts from is painted once
    assert decoder.lazy("low").chunks == {}
    with pytest.raises(
        RecipeError, match=r"\[images.best\] needs images/best: the pictures that test rows saw"
    ):
        decoder.chosen(["best"])


def test_noise_is_that_of_the_row_s_number(finished):
    from pipeline.stages.reconstruct import noise_seed

    run = finished()
    made = decode(run.recipe, run.percent[:2], "pixels")
    assert made.seed.values.tolist() == [[noise_seed(0, "pixels", str(row), -1, 0)] for row in range(2)]
    assert list(made.image_id.values) == ["0", "1"]


def test_random_weights_are_said(finished):
    encoder = {"model": "basic-ae", "features": ["responses"], "size": 16, "steps": 2, "batch": 4}
    run = finished(
        {"weights": "random", "train": {"ae": encoder}, "images": {"ae": {"generator": "basic-ae"}}},
        train=12,
        test=3,
    )
    made, its = decode(run.recipe, run.percent, "ae", image_id=run.ids), run.open("images/ae")
    assert "nothing it shows is a result" in made.picture.attrs["note"]
    assert abs(made.picture.values.astype(int) - its.picture.values).max() <= 1
    (run.open("model/ae").encoding["files"] / "config.json").write(b"{}")
    with pytest.raises(Damaged, match=r"config.json is damaged .*`vox2pix run` with the same recipe repairs"):
        decode(run.recipe, run.percent, "ae")


# --- what can't be -----------------------------------------------------------------------------------


def test_a_run_that_is_not_finished_is_told_with_what_finishes_it(make_recipe):
    from cluster import Threads
    from pipeline import run

    recipe = make_recipe()
    with pytest.raises(Missing):
        decode(recipe, np.zeros((1, 120)), "pixels")
    run(recipe, cluster=Threads(workers=1), until="respond")
    with pytest.raises(Unsealed, match=r"s1/predictions/pixels@.* is not complete.*: vox2pix run RECIPE"):
        decode(recipe, np.zeros((1, 120)), "pixels")
    run(recipe, cluster=Threads(workers=1), until="regress")  # pictures of test rows are not needed
    assert decode(recipe, np.zeros((1, 120)), "pixels").picture.shape == (1, 1, 16, 16, 1)


def test_names_that_are_not_there(finished):
    run = finished()
    with pytest.raises(RecipeError, match=r"no \[images.pixel\], it has pixels, pca; did you mean 'pixels'"):
        decode(run.recipe, run.percent, "pixel")
    with pytest.raises(RecipeError, match=r"which images.* pixels, pca; name one"):
        decode(run.recipe, run.percent)
    with pytest.raises(RecipeError, match=r"predicts no pcb, it predicts .*; did you mean 'pca'"):
        Decoder.of(run.recipe, run.percent).predictions("pcb")
    with pytest.raises(ShapeError, match="2 ids for the 12 rows"):
        Decoder.of(run.recipe, run.percent, image_id=["a", "b"])


def test_numbers_that_can_hardly_be_percent_are_doubted(finished):
    run = finished()
    with pytest.warns(UserWarning, match=r"standard deviations .* expected percent signal change, not 300"):
        decode(run.recipe, (300 * run.percent).astype(np.int16), "pixels")
    with pytest.warns(UserWarning, match=r"expected standardised rows"):
        decode(run.recipe, 100 * run.percent, "pixels", standardized=True)


def test_pictures_are_needed(finished):
    run = finished({"images": None, "scores": None})
    with pytest.raises(RecipeError, match=r"no \[images\] that could be painted of new rows"):
        Decoder.of(run.recipe, run.percent).chosen()
