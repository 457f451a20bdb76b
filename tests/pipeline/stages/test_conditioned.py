"""Pictures from several feature spaces by networks that nobody trains here, a small one standing for them."""

from __future__ import annotations

import pickle
from dataclasses import dataclass

import numpy as np
import pytest
import xarray as xr

from cluster import Threads, connect
from pipeline import plan, run
from pipeline.diffusion import conditioned
from pipeline.errors import RecipeError, ShapeError
from pipeline.models.batches import in_batches
from pipeline.models.noise import draw, generators
from pipeline.models.weights import WeightsMissing
from pipeline.outcome import Listener
from pipeline.recipe.generators import CONDITIONED, Takes
from pipeline.report.write import write_report
from pipeline.runner import Run
from pipeline.stage import block_of
from pipeline.stages.calibrate import calibrated
from pipeline.stages.frozen import RANDOM_WEIGHTS
from pipeline.stages.reconstruct import noise_seed
from storage.markers import FRAME

THREADS = Threads(workers=2)
SIZES = {"voxels": 60, "train": 24, "test": 40}  # two blocks of test rows
FEATURES = {"vision": 16 * 16, "text": 8}


@dataclass(frozen=True)
class Tiny:
    """One number of each condition and noise as an even picture, and what it starts from."""

    weights: str = "published"
    batch: int = 4
    size: int = 8
    steps: int = 3
    mixing: float = 0.4
    strength: float = 0.75
    faithful: bool = False

    def __post_init__(self):
        """Refuse some sides, as published networks do."""
        if self.size % 4:
            raise RecipeError(f"size = {self.size}: paints pictures whose side is a multiple of 4")

    @property
    def roles(self):
        """Text alone where nothing else is mixed in."""
        return {"text": 8} if self.mixing == 1 else FEATURES

    def paint(self, conditions, seeds, start=None):
        """Return pictures of one colour: the sum of all."""
        assert set(conditions) == set(self.roles)
        given = [conditions[role] for role in self.roles]
        return in_batches(self._paint, [seeds, *given, *([] if start is None else [start])], self.batch)

    def _paint(self, seeds, *given):
        assert len(seeds) == self.batch
        noise = draw(generators(seeds.tolist()), (1,)).numpy()
        told = [one.reshape(len(one), -1).mean(1, keepdims=True) for one in given]
        told = [one / 255 if one.max() > 10 else one for one in told]
        levels = np.clip(128 + 20 * noise + 40 * sum(told), 0, 255).astype(np.uint8)
        return np.broadcast_to(levels[:, None, None], (len(seeds), self.size, self.size, 3))

    def memory(self):
        """As told."""
        return 1000, 10

    def identity(self):
        """Return what all weights but random ones have."""
        return {"weights": "random"} if self.weights == "random" else {"unet.safetensors": "5" * 64}


@pytest.fixture(autouse=True)
def tiny(monkeypatch):
    """Have the small generator stand for Versatile Diffusion, and two spaces for CLIP's."""
    monkeypatch.setattr(conditioned, "kind", lambda generator: Tiny)
    monkeypatch.setattr("pipeline.generator.kind", lambda generator: Tiny)
    keys = CONDITIONED["versatile-diffusion"].keys
    takes = Takes({"vision": "pixels", "text": "pca"}, keys)
    monkeypatch.setitem(CONDITIONED, "versatile-diffusion", takes)


ASKED = {"generator": "versatile-diffusion"}
SPACES = {"pixels": {"alpha": 30}, "pca": {"alpha": 10, "correction": "none"}}


def asked(**images):
    return {
        "ridge": {"spaces": SPACES},
        "images": {"pixels": {}, **images},
        "weights": "random",
        "scores": None,
    }


def opened(planned, product):
    (step,) = [step for step in planned if step.product == product]
    return step.in_archive(planned.archive).open().load()


def test_a_picture_is_painted_from_all_roles_and_its_own_noise(make_recipe):
    recipe = make_recipe(asked(final={**ASKED, "samples": 2}), **SIZES)
    planned = run(recipe, cluster=THREADS).plan
    final = opened(planned, "images/final")
    assert final.picture.shape == (40, 2, 8, 8, 3)
    for row, image in ((0, "24"), (39, "63")):
        assert final.image_id.values[row] == image
        assert final.seed.values[row, 1] == noise_seed(0, "final", image, -1, 1)
    told = {
        role: opened(planned, f"predictions/{name}").predicted.values
        for role, name in (("vision", "pixels"), ("text", "pca"))
    }
    expected = Tiny(weights="random").paint(told, final.seed.values[:, 0])
    np.testing.assert_array_equal(final.picture.values[:, 0], expected)
    assert (final.picture.values[:, 0] != final.picture.values[:, 1]).any()


def test_another_batch_paints_the_same_pictures_under_another_address(make_recipe):
    changes = asked(final=ASKED, other={**ASKED, "batch": 7})
    planned = run(make_recipe(changes, **SIZES), cluster=Threads(workers=1)).plan
    final = opened(planned, "images/final")
    assert final.picture.attrs["batch"] == 4
    changes["images"] = {"final": {**ASKED, "batch": 7}}
    again = run(make_recipe(changes, **SIZES), cluster=Threads(workers=3)).plan
    other = opened(again, "images/final")
    assert other.picture.attrs["batch"] == 7
    np.testing.assert_array_equal(final.picture, other.picture)
    assert fingerprint(planned) != fingerprint(again)


def fingerprint(planned, product="images/final"):
    (step,) = [step for step in planned if step.product == product]
    return step.fingerprint


@pytest.mark.parametrize(
    "change",
    [
        {"mixing": 0.5},
        {"steps": 4},
        {"batch": 5},
        {"faithful": True},
        {"weights": "published"},
        {"samples": 2},
    ],
)
def test_every_setting_is_in_the_fingerprint(make_recipe, change):
    first = plan(make_recipe(asked(final=ASKED), **SIZES))
    assert fingerprint(first) != fingerprint(plan(make_recipe(asked(final={**ASKED, **change}), **SIZES)))


def test_what_is_left_open_is_the_generators_own_and_is_recorded(make_recipe):
    recipe = make_recipe({**asked(final={**ASKED, "size": 4}), "fidelity": "faithful"}, **SIZES)
    (step,) = [step for step in plan(recipe) if step.product == "images/final"]
    assert step.settings["manner"] == {
        "batch": 4,
        "size": 4,
        "steps": 3,
        "mixing": 0.4,
        "strength": 0.75,
        "faithful": True,
    }
    assert step.settings["identity"] == {"weights": "random"}
    assert "weights" not in step.settings  # where they lie is no part of what pictures mean
    assert step.cost.resident == 1000
    assert step.cost.memory > 40 * 32


def test_random_weights_are_said_loudly(make_recipe, tmp_path):
    recipe = make_recipe(asked(final=ASKED), **SIZES)
    picture = opened(run(recipe, cluster=THREADS).plan, "images/final").picture
    assert picture.attrs["note"] == RANDOM_WEIGHTS
    assert picture.attrs["weights"] == {"weights": "random"}
    page = write_report([recipe], tmp_path / "report.html").read_text("utf-8")
    assert "<b>Random weights.</b>" in page
    assert "images/final" in page
    published = make_recipe({**asked(final=ASKED), "weights": None}, **SIZES)
    picture = opened(run(published, cluster=THREADS).plan, "images/final").picture
    assert "note" not in picture.attrs
    assert picture.attrs["weights"] == {"unet.safetensors": "5" * 64}


def test_a_report_needs_no_weights(make_recipe, tmp_path, monkeypatch):
    recipe = make_recipe(asked(final=ASKED), **SIZES)
    run(recipe, cluster=THREADS)

    def missing(self):
        raise WeightsMissing("not on this machine")

    monkeypatch.setattr(Tiny, "identity", missing)
    with pytest.raises(WeightsMissing):
        plan(recipe)
    page = write_report([recipe], tmp_path / "report.html").read_text("utf-8")
    assert "images/final" in page


def test_pictures_to_start_from_have_colours(make_recipe):
    with pytest.raises(ShapeError, match="have 1 channels instead of 3"):
        plan(make_recipe(asked(final={**ASKED, "start": "pixels"}), **SIZES))


def test_pictures_start_from_others_of_any_side(make_recipe):
    changes = asked(low={**ASKED, "size": 4}, final={**ASKED, "start": "low", "strength": 0.5})
    planned = run(make_recipe(changes, **SIZES), cluster=THREADS).plan
    low, final = (opened(planned, f"images/{name}") for name in ("low", "final"))
    told = {
        role: opened(planned, f"predictions/{name}").predicted.values
        for role, name in (("vision", "pixels"), ("text", "pca"))
    }
    start = np.broadcast_to(low.picture.values[:, 0, :1, :1], (40, 8, 8, 3))  # they are of one colour
    expected = Tiny(weights="random").paint(told, final.seed.values[:, 0], start)
    np.testing.assert_array_equal(final.picture.values[:, 0], expected)
    steps = [step.product for step in planned]
    assert steps.index("images/low") < steps.index("images/final")


@pytest.mark.parametrize("how", ["std", "norm"])
def test_predictions_are_calibrated_role_by_role(make_recipe, how):
    planned = run(make_recipe(asked(final={**ASKED, "calibrate": how}), **SIZES), cluster=THREADS).plan
    final = opened(planned, "images/final")
    assert final.picture.attrs["calibrate"] == how
    told = {}
    for role, space in (("vision", "pixels"), ("text", "pca")):
        known = opened(planned, f"calibration-{how}/{space}")
        told[role] = calibrated(opened(planned, f"predictions/{space}").predicted.values, known)
    np.testing.assert_array_equal(final.picture.values[:, 0], Tiny().paint(told, final.seed.values[:, 0]))


def test_true_features_are_the_ceiling(make_recipe):
    planned = run(make_recipe(asked(final={**ASKED, "truth": True}), **SIZES), cluster=THREADS).plan
    final = opened(planned, "images/final")
    told = {}
    for role, space in (("vision", "pixels"), ("text", "pca")):
        features = opened(planned, f"features/{space}")
        place = {image: at for at, image in enumerate(features.image_id.values)}
        told[role] = features.value.values[[place[image] for image in final.image_id.values]]
    np.testing.assert_array_equal(final.picture.values[:, 0], Tiny().paint(told, final.seed.values[:, 0]))


def test_a_role_that_is_given_no_weight_is_not_read(make_recipe):
    changes = asked(final={**ASKED, "mixing": 1.0, "features": {"text": "pca"}})
    planned = run(make_recipe(changes, **SIZES), cluster=THREADS).plan
    (step,) = [step for step in planned if step.product == "images/final"]
    assert set(step.inputs) == {"responses", "text"}
    with_both = plan(make_recipe(asked(final={**ASKED, "mixing": 1.0}), **SIZES))
    assert fingerprint(with_both) == step.fingerprint


def test_a_role_without_a_space_is_told(make_recipe):
    with pytest.raises(RecipeError, match=r"\[images.final\] features names no space for 'vision'; .* text"):
        plan(make_recipe(asked(final={**ASKED, "features": {"text": "pca"}}), **SIZES))


def test_a_space_of_another_size_is_told_by_the_plan(make_recipe):
    changes = asked(final=ASKED)
    changes["features"] = {"pca": {"components": 5}}
    says = (
        r"\[images.final\] features: text has 5 features, generator 'versatile-diffusion' takes 8: .*weights"
    )
    with pytest.raises(ShapeError, match=says):
        plan(make_recipe(changes, **SIZES))


def test_what_the_generator_refuses_is_told_with_its_place(make_recipe):
    with pytest.raises(RecipeError, match=r"^\[images.final\] size = 7: paints"):
        plan(make_recipe(asked(final={**ASKED, "size": 7}), **SIZES))


def test_predictions_of_other_rows_are_told(make_recipe):
    planned = run(make_recipe(asked(final=ASKED), **SIZES), cluster=THREADS).plan
    (step,) = [step for step in planned if step.product == "images/final"]
    given = {name: opened(planned, one.product) for name, one in step.inputs.items()}
    given["text"] = given["text"].isel(row=slice(0, 5))
    with pytest.raises(ShapeError, match="predictions of text are of other rows"):
        step.maker(**given, **step.settings, weights="random")


def test_blocks_carry_no_pictures_and_no_weights(make_recipe):
    planned = run(make_recipe(asked(final=ASKED), **SIZES), cluster=THREADS).plan
    (step,) = [step for step in planned if step.product == "images/final"]
    inputs = {name: one.in_archive(planned.archive).open(raw=True) for name, one in step.inputs.items()}
    block = block_of(step.lazy(inputs))
    assert isinstance(inputs["vision"], xr.Dataset)
    assert len(pickle.dumps(block)) < 60_000


def test_other_weights_on_a_worker_than_the_plan_was_made_with_paint_nothing(make_recipe, monkeypatch):
    planned = plan(make_recipe({**asked(final=ASKED), "weights": None}, **SIZES))
    monkeypatch.setattr(Tiny, "identity", lambda _: {"unet.safetensors": "6" * 64})
    monkeypatch.setattr(Tiny, "paint", lambda *_: pytest.fail("it paints"))
    made, (step,) = Run(planned, Listener(), refresh=False), [one for one in planned if "final" in str(one)]
    made.remember()
    says = (
        r"weights of the generator on this machine are unet.safetensors \(666666666666\), the run was "
        r"planned with unet.safetensors \(555555555555\); put the same on every machine"
    )
    with connect(THREADS) as workers:
        for one in planned.steps[:-1]:
            made.make(one, workers)
        with pytest.raises(WeightsMissing, match=says):
            made.make(step, workers)
    assert step.in_archive(planned.archive).done() == {FRAME}
