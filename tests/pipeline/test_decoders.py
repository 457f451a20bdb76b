"""The two published decoders as presets: at small sizes from data to report, and once at full size."""

from __future__ import annotations

import json

import numpy as np
import pytest
import torch

from cluster import Threads
from pipeline import load_recipe, open_results, plan, run
from pipeline.errors import RecipeError, ShapeError
from pipeline.features.resize import resize
from pipeline.outcome import Listener
from pipeline.presets import faithful_tables
from pipeline.recipe import Recipe
from pipeline.report.write import write_report
from pipeline.stages.rows import training_trials
from storage.simulate import simulate_nsd

THREADS = Threads(workers=2)


class Ears(Listener):
    def __init__(self):
        self.notes = []

    def note(self, text):
        self.notes.append(text)


def opened(planned, product):
    (step,) = [step for step in planned if step.product == product]
    return step.in_archive(planned.archive).open().load()


@pytest.fixture
def on_arrays(tmp_path, arrays):
    """Return a function: a preset's recipe on ready-made voxels, with changes."""

    def make(preset, changes, **how):
        given = arrays(**how)
        np.savez(tmp_path / "release.npz", **given)
        data = {
            "dataset": "arrays",
            "source": "release.npz",
            "archive": "archive",
            "subjects": ["s1"],
            "arrays": {name: name for name in given},
        }
        few = {"features": {"pca": {"size": 8, "components": 8}}}
        return Recipe.from_mapping({"preset": preset, "data": data, **few, **changes}, tmp_path)

    return make


@pytest.fixture(scope="module")
def release(tmp_path_factory):
    folder = tmp_path_factory.mktemp("decoders")
    simulate_nsd(folder / "nsd", subjects=1, sessions=2, grid=(14, 16, 12), images=60, size=32, seed=4)
    return folder / "nsd"


# --- voxel-ddpm ------------------------------------------------------------------------------------


SHORT = {"size": 16, "steps": 2, "batch": 2}


@pytest.mark.slow
def test_the_published_diffusion_model_learns_pictures_then_voxels(on_arrays):
    images = {"final": {"steps": 2}, "guided": {"generator": "voxel-ddpm", "model": "final", "guidance": 2.0}}
    images["guided"] |= {"sampler": "ddim", "steps": 2}
    changes = {"train": {"pictures": SHORT, "final": SHORT}, "images": images}
    planned = run(on_arrays("voxel-ddpm", changes, voxels=20, train=10, test=3), cluster=THREADS).plan
    trained = [step for step in planned if step.stage == "train"]
    assert [step.product for step in trained] == ["model/pictures", "model/final"]
    pictures, final = (step.in_archive(planned.archive).files for step in trained)
    described = [json.loads((place / "config.json").read())["network"] for place in (pictures, final)]
    assert [one["width"] for one in described] == [0, 20]
    made = {name: opened(planned, f"images/{name}").picture for name in ("final", "guided", "pca", "mean")}
    assert made["final"].shape == (3, 1, 16, 16, 1)
    assert (made["final"].values != made["guided"].values).any()
    assert {"scores/final", "scores/pca", "scores/nearest", "scores/mean"} <= {s.product for s in planned}


@pytest.mark.parametrize(
    ("dropout", "guidance", "refused"), [(0.0, 2.0, True), (0.0, 1.0, False), (0.1, 2.0, False)]
)
def test_guidance_needs_a_decoder_that_has_learned_without_the_condition(
    on_arrays, dropout, guidance, refused
):
    changes = {"train": {"final": {"dropout": dropout}}, "images": {"final": {"guidance": guidance}}}
    if not refused:
        assert on_arrays("voxel-ddpm", changes).images["final"].guidance == guidance
        return
    said = (
        r"\[images.final\] guidance = 2.0 goes beyond .* \[train.final\] never learns: give it dropout = 0.1"
    )
    with pytest.raises(RecipeError, match=said):
        on_arrays("voxel-ddpm", changes)


def test_pictures_that_are_tested_are_never_learned_from(on_arrays, arrays):
    from pipeline.stages.learned import Learned

    recipe = on_arrays("voxel-ddpm", {"train": {"pictures": SHORT, "final": SHORT}}, train=10, test=3)
    planned = run(recipe, cluster=THREADS, until="respond").plan
    stimuli, responses = opened(planned, "stimuli"), opened(planned, "responses")
    of_pictures = Learned(stimuli, responses, {}, 16, voxels=False).read()
    of_voxels = Learned(stimuli, responses, {}, 16, voxels=True).read()
    for learned in (of_pictures, of_voxels):
        assert len(learned.pictures) == 10
        np.testing.assert_array_equal(learned.pictures[:, :, :, 0], arrays(train=10, test=3)["train_images"])
    assert len(of_voxels) == len(of_voxels.condition) == 10


@pytest.mark.slow
def test_the_published_diffusion_model_at_full_size(on_arrays):
    short = {"steps": 1, "batch": 2}
    changes = {"train": {"pictures": short, "final": short}, "images": {"final": {"steps": 1, "batch": 2}}}
    planned = run(on_arrays("voxel-ddpm", changes, voxels=20, train=10, test=2), cluster=THREADS).plan
    assert opened(planned, "images/final").picture.shape == (2, 1, 64, 64, 1)


# --- basic-ae --------------------------------------------------------------------------------------


ENCODER = {"size": 16, "steps": 2, "batch": 4}


def test_random_weights_are_said_loudly(on_arrays, tmp_path):
    recipe, ears = (
        on_arrays(
            "basic-ae", {"weights": "random", "train": {"final": ENCODER}}, voxels=20, train=12, test=3
        ),
        Ears(),
    )
    planned = run(recipe, cluster=THREADS, listener=ears).plan
    said = [note for note in ears.notes if "random weights" in note]
    products = [note.partition(":")[0] for note in said]
    assert products == ["s1/model/final", "s1/images/final", "s1/images/ceiling"]
    picture = opened(planned, "images/final").picture
    assert picture.attrs["autoencoder"] == {"weights": "random"}
    assert "nothing it shows is a result" in picture.attrs["note"]
    assert "note" not in opened(planned, "images/pca").picture.attrs
    page = write_report([recipe], tmp_path / "report.html").read_text("utf-8")
    assert "<b>Random weights.</b>" in page
    assert "model/final, images/final and images/ceiling" in page


def test_the_ceiling_is_the_test_pictures_through_the_autoencoder(on_arrays):
    from pipeline.models.autoencoder import Autoencoder

    changes = {"weights": "random", "train": {"final": ENCODER}, "images": {"ceiling": {"batch": 2}}}
    planned = run(on_arrays("basic-ae", changes, voxels=20, train=12, test=3), cluster=THREADS).plan
    made, stimuli = opened(planned, "images/ceiling"), opened(planned, "stimuli")
    seen = stimuli.set_index(image="image_id").sel(image=made.image_id.values).picture.values
    shown = resize(seen, (16, 16)).astype(np.float32).transpose(0, 3, 1, 2).repeat(3, axis=1) / 127.5 - 1
    network = Autoencoder.of("random").load()
    with torch.no_grad():
        latents = network.encode(torch.from_numpy(shown)).latent_dist.mean
        told = network.decode(latents).sample.mean(dim=1).numpy()
    expected = ((told.clip(-1, 1) + 1) * 127.5).round()
    assert np.abs(made.picture.values[:, 0, :, :, 0] - expected).max() <= 1
    assert made.picture.attrs["truth"]


def test_other_weights_may_be_asked_for_when_pictures_are_painted(on_arrays, tmp_path):
    from pipeline.models.autoencoder import RANDOM, Autoencoder

    def saved(name, **changes):
        made = Autoencoder({**RANDOM, **changes}, None).load()
        made.save_pretrained(tmp_path / name)
        return str(tmp_path / name)

    same, narrow = saved("same"), saved("narrow", latent_channels=2)
    asked = {"generator": "basic-ae", "model": "final"}
    changes = {
        "weights": "random",
        "train": {"final": ENCODER},
        "images": {"other": {**asked, "weights": same}, "again": asked},
    }
    planned = run(on_arrays("basic-ae", changes, voxels=20, train=12, test=3), cluster=THREADS).plan
    other, again = (opened(planned, f"images/{name}").picture for name in ("other", "again"))
    assert set(other.attrs["autoencoder"]) == {"config.json", "diffusion_pytorch_model.safetensors"}
    assert again.attrs["autoencoder"] == {"weights": "random"}
    np.testing.assert_array_equal(other.values, again.values)  # the same numbers from a folder
    changes["images"]["other"]["weights"] = narrow
    with pytest.raises(ShapeError, match=r"\[images.other\] weights .* side \[2, 2\]; .* tells \[4, 2\]"):
        plan(on_arrays("basic-ae", changes, voxels=20, train=12, test=3))


def test_faithful_takes_the_published_choices_and_clean_ours(release, tmp_path):
    few = ["features.pca.components=8", "train.final.size=16", "train.final.steps=2", "train.final.batch=4"]
    changes = [f'data.archive="{tmp_path}/archive"', "weights=random", *few]
    text = (release / "recipe.toml").read_text("utf-8")
    data = "\n".join(
        line
        for line in text[text.index("[data]") :].split("\n[")[0].splitlines()
        if not line.startswith("voxels")
    )
    (release / "basic.toml").write_text(f'preset = "basic-ae"\n{data}\n')
    clean = load_recipe(release / "basic.toml", changes)
    assert (clean.responses.standardize, clean.responses.average_repeats) == ("train", "test")
    assert clean.train["final"].augment == "none"
    published = ["fidelity=faithful", "data.sessions=2", *changes]
    faithful = load_recipe(release / "basic.toml", published)
    assert (faithful.data.test, faithful.data.voxels) == ("random", "prf-visualrois")
    assert faithful.train["final"].augment == "blur-zoom"
    assert faithful.train["final"].batch == 4  # what the recipe says wins
    again = Recipe.from_mapping(json.loads(json.dumps(faithful.meaning())), release)
    assert again.meaning() == faithful.meaning()
    planned = run(faithful, cluster=THREADS).plan
    trials, responses = opened(planned, "trials"), opened(planned, "responses")
    assert responses.sizes["row"] == trials.sizes["trial"]  # single trials, tested ones too
    assert not training_trials(trials).all()
    np.testing.assert_allclose(responses.response.mean("row"), 0, atol=1e-4)
    spread = responses.response.std("row")
    np.testing.assert_allclose(spread[spread > 0], 1, atol=1e-3)
    assert "tested ones included" in responses["mean"].attrs["long_name"]
    images = opened(planned, "images/final")
    assert images.picture.shape == ((trials.test.values).sum(), 1, 16, 16, 3)
    assert images.nsd_id.values.tolist() == responses.nsd_id.values[responses.split.values == "test"].tolist()
    assert "faithful" in write_report([faithful], tmp_path / "report.html").read_text("utf-8")
    assert open_results(faithful).images("final").sizes["row"] == trials.test.values.sum()


def test_a_faithful_preset_chooses_among_the_data_of_nsd_alone():
    assert set(faithful_tables("basic-ae", "nsd")) == {"data", "responses", "train"}
    assert set(faithful_tables("basic-ae", "arrays")) == {"responses", "train"}
    assert faithful_tables("pca", "nsd") == {}
