"""Brain-Diffuser's presets, from recordings to report, on tiny networks that nobody trained."""

from __future__ import annotations

import contextlib

import numpy as np
import pytest

from cluster import Threads
from pipeline import load_recipe, run
from pipeline.bench.resilience.problem import digest
from pipeline.bench.resilience.trouble import Trouble
from pipeline.cli.program import answer
from pipeline.decoding import decode
from pipeline.errors import ShapeError
from pipeline.generator import generator_of
from pipeline.presets import preset_tables
from pipeline.report.write import write_report
from pipeline.stages.frozen import RANDOM_WEIGHTS
from storage.simulate import simulate_nsd

pytestmark = pytest.mark.slow
PRESETS = ("brain-diffuser", "brain-diffuser-clean")
SPACES = {"vdvae": "latents", "clip-vision": "vision", "clip-text": "text"}
#: Fewer latents, smaller pictures, few steps: what reproductions did for want of time, by the same keys.
SMALL = """
[features.vdvae]
layers = 10
[images.final]
size = 64
steps = 2
"""


@pytest.fixture(scope="module")
def lab(tmp_path_factory):
    """Return a folder with a release and a recipe of each preset; 36 pictures to test: two blocks."""
    folder = tmp_path_factory.mktemp("whole")
    simulate_nsd(folder / "nsd", subjects=1, sessions=3, grid=(10, 12, 10), images=60, size=32, seed=5)
    text = (folder / "nsd" / "recipe.toml").read_text("utf-8")
    data = text[text.index("[data]") : text.index("[responses]")].replace('source = "."', 'source = "nsd"')
    for preset in PRESETS:
        sessions = "sessions = 3\n" if "sessions" in preset_tables(preset)["data"] else ""
        head = f'preset = "{preset}"\nweights = "random"\n'
        (folder / f"{preset}.toml").write_text(head + data + sessions + SMALL)
    whole = load_recipe(folder / f"{PRESETS[0]}.toml")
    planned = run(whole, cluster=Threads(workers=1), until="ingest").plan
    (stimuli,) = [step for step in planned if step.product == "stimuli"]
    ids = stimuli.dataset.image_id.values.tolist()
    (folder / "test.txt").write_text("\n".join(ids[::5] + ids[1::5] + ids[2::5]))
    return folder


def recipe_of(lab, preset, archive, *changes):
    test = f'data.test="{lab / "test.txt"}"'
    return load_recipe(lab / f"{preset}.toml", [f'data.archive="{archive}"', test, *changes])


@pytest.fixture(scope="module")
def made(lab):
    """Return a function: the folder of the archive that a preset makes undisturbed, and its results."""
    done = {}

    def make(preset):
        if preset not in done:
            recipe = recipe_of(lab, preset, lab / f"archive-{preset}")
            planned = run(recipe, cluster=Threads(workers=1)).plan
            done[preset] = (
                recipe,
                {step.product: step.in_archive(planned.archive).open().load() for step in planned},
            )
        return done[preset]

    return make


def test_every_product_says_that_its_networks_are_random(made):
    _, products = made("brain-diffuser-clean")
    for name in [*(f"features/{space}" for space in SPACES), *(f"predictions/{space}" for space in SPACES)]:
        (variable,) = [one for one in ("value", "predicted") if one in products[name]]
        assert products[name][variable].attrs["note"] == RANDOM_WEIGHTS
    for name in ("images/low-level", "images/final"):
        assert products[name].picture.attrs["note"] == RANDOM_WEIGHTS
    assert "note" not in products["images/mean"].picture.attrs


def test_the_report_says_first_that_nothing_in_it_is_a_result(made, tmp_path):
    recipe, _ = made("brain-diffuser-clean")
    page = write_report([recipe], tmp_path / "report.html").read_text("utf-8")
    said = page[page.index("<b>Random weights.</b>") :].split("</div>")[0]
    for name in (*(f"features/{space}" for space in SPACES), "images/low-level", "images/final"):
        assert name in said
    assert "is a result" in said
    assert page.index("<b>Random weights.</b>") < page.index("<img")
    assert page.count("<img") > 36  # seen and made


ROW = 33
"""A test row of the second block."""


def test_a_single_row_is_painted_alone(made):
    """From its predictions on: the batch around it is of no account."""
    recipe, products = made("brain-diffuser-clean")
    low, final = products["images/low-level"], products["images/final"]
    told = {role: products[f"predictions/{space}"].predicted.values for space, role in SPACES.items()}
    told = {role: values[ROW : ROW + 1] for role, values in told.items()}
    begun = generator_of(recipe, "low-level").paint({"latents": told.pop("latents")}, low.seed.values[ROW])
    assert_same(begun, low.picture.values[ROW])
    painted = generator_of(recipe, "final").paint(told, final.seed.values[ROW], low.picture.values[ROW])
    assert_same(painted, final.picture.values[ROW])


def percent(responses):
    """Return (voxel,) of a test row in percent signal change."""
    row = responses.response.values[responses.split.values == "test"][ROW]
    return row * responses["std"].values + responses["mean"].values


def test_a_single_row_is_decoded_alone_by_stored_statistics(made):
    """From its voxels on, as `vox2pix decode` does."""
    recipe, products = made("brain-diffuser-clean")
    final = products["images/final"]
    voxels, image = percent(products["responses"]), final.image_id.values[ROW]
    found = decode(recipe, voxels, "final", image_id=[image])
    assert found.picture.shape == (1, 1, 64, 64, 3)
    np.testing.assert_array_equal(found.seed.values[0], final.seed.values[ROW])
    assert_same(found.picture.values[0], final.picture.values[ROW])


def test_the_published_correction_decodes_no_single_row(made):
    recipe, products = made("brain-diffuser")
    with pytest.raises(ShapeError, match="test-batch"):
        decode(recipe, percent(products["responses"]), "final")


def assert_same(first, second):
    """Assert that pictures are the same to 1e-3 of their range, but for levels that round otherwise."""
    apart = np.abs(first.astype(int) - second.astype(int))
    assert apart.max() <= 1
    assert apart.mean() / 255 < 1e-3


def test_another_batch_and_other_workers_paint_the_same(lab, made, tmp_path):
    changes = ["images.final.batch=5", "images.low-level.batch=3"]
    recipe = recipe_of(lab, "brain-diffuser-clean", tmp_path / "archive", *changes)
    planned = run(recipe, cluster=Threads(workers=3)).plan
    _, products = made("brain-diffuser-clean")
    for name in ("images/low-level", "images/final"):
        (step,) = [step for step in planned if step.product == name]
        again = step.in_archive(planned.archive).open().load()
        np.testing.assert_array_equal(again.seed, products[name].seed)
        assert again.picture.attrs["batch"] != products[name].picture.attrs["batch"]
        assert_same(again.picture.values, products[name].picture.values)


@pytest.mark.parametrize("preset", PRESETS)
def test_a_worker_killed_on_the_way_leaves_no_trace(lab, made, tmp_path, monkeypatch, preset):
    """Through the command line, each time while the last pictures are painted."""
    recipe, _ = made(preset)
    trouble = Trouble(("images/final",), 1)
    monkeypatch.setattr("pipeline.cli.progress.listening", lambda manner: contextlib.nullcontext(trouble))
    (tmp_path / "cluster.toml").write_text('kind = "local"\nworkers = 2\nmemory = "2GB"\n')
    line = [
        "run",
        lab / f"{preset}.toml",
        "--archive",
        tmp_path / "archive",
        "--cluster",
        tmp_path / "cluster.toml",
    ]
    line += ["--set", f'data.test="{lab / "test.txt"}"']
    with trouble:
        assert answer([str(word) for word in line]) == 0
    assert len(trouble.hits["images/final"]) == 1
    assert digest(tmp_path / "archive") == digest(recipe.data.archive)
