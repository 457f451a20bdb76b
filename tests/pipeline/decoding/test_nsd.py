"""A simulated subject of NSD: a region a space, single trials of a session, an archive on S3."""

from __future__ import annotations

import numpy as np
import pytest

from pipeline import decode, load_recipe
from pipeline.decoding import Decoder
from storage.simulate import simulate_nsd

PER_VOXEL = "responses.standardize=train"


@pytest.fixture(scope="module")
def release(tmp_path_factory):
    folder = tmp_path_factory.mktemp("decoding")
    simulate_nsd(folder / "nsd", subjects=1, sessions=2, grid=(9, 10, 8), images=45, size=16, seed=4)
    return folder / "nsd"


@pytest.fixture
def finished(release, tmp_path, run_of):
    """Return a function that runs the release's recipe with changes."""

    def make(*changes):
        archive = f'data.archive="{tmp_path / "archive"}"'
        return run_of(load_recipe(release / "recipe.toml", [archive, *changes]))

    return make


def test_each_space_has_its_region(finished):
    early = "prf-visualrois == V1v | prf-visualrois == V1d"
    changes = ["images.near.features=words", "images.near.generator=nearest", f'rois.v1="{early}"']
    of_region = ["ridge.spaces.pixels.rois=v1", "ridge.spaces.pixels.weights=true"]
    run = finished(PER_VOXEL, *changes, *of_region)
    decoder = Decoder.of(run.recipe, run.percent, image_id=run.ids)
    mine, its = decoder.predictions("pixels").predicted, run.open("predictions/pixels").predicted
    np.testing.assert_allclose(mine, its, atol=1e-5)
    assert mine.attrs["through"] == "stored weights"
    for name in decoder.chosen():
        np.testing.assert_array_equal(decoder.painted(name).picture, run.open(f"images/{name}").picture)


def test_trials_standardised_by_session(finished):
    run = finished("responses.average_repeats=none")  # by session, unless told otherwise
    made = decode(run.recipe, run.test.response.values, "pixels", standardized=True)
    np.testing.assert_array_equal(made.picture, run.open("images/pixels").picture)


@pytest.mark.slow
def test_an_archive_on_s3(finished, s3_server, s3_bucket):
    options = f'data.storage_options={{endpoint_url="{s3_server}"}}'
    run = finished(PER_VOXEL, f"data.archive=s3://{s3_bucket}/lab", options)
    made = decode(run.recipe, run.percent, "pixels")
    np.testing.assert_array_equal(made.picture, run.open("images/pixels").picture)


@pytest.mark.slow
@pytest.mark.parametrize("correction", ["stored", "test-batch"])
def test_brain_diffuser_of_new_rows(finished, correction):
    """Low-level pictures from latents, and final ones from them and two guides, all with random weights."""
    spaces = {"vdvae": ["layers=2", "draw=mean"], "clip-vision": [], "clip-text": []}
    changes = [f"features.{name}.model={name}" for name in spaces]
    changes += [f"features.{name}.{one}" for name, more in spaces.items() for one in more]
    changes += [f"ridge.spaces.{name}={{alpha=100, correction={correction!r}}}" for name in spaces]
    changes += ["images.low-level.generator=vdvae", "images.final.generator=versatile-diffusion"]
    changes += ['images.final.features={vision="clip-vision", text="clip-text"}', "images.final.steps=3"]
    changes += ["images.final.start=low-level", "images.final.size=64", "images.final.batch=2"]
    run = finished(PER_VOXEL, "weights=random", *changes)
    decoder = Decoder.of(run.recipe, run.percent, image_id=run.ids)
    for name in ("low-level", "final"):
        made, its = decoder.painted(name), run.open(f"images/{name}")
        np.testing.assert_array_equal(made.seed, its.seed)
        assert abs(made.picture.values.astype(int) - its.picture.values).max() <= 1, name
        assert "nothing it shows is a result" in made.picture.attrs["note"]


@pytest.mark.slow
@pytest.mark.parametrize("generator", ["ip-adapter", "kandinsky"])
def test_an_embedding(finished, generator):
    """Predictions centred and rescaled, as in a run, onto a picture that is decoded on the way."""
    changes = ["features.clip-image.model=clip-image", "ridge.spaces.clip-image.alpha=100"]
    table = {"generator": generator, "calibrate": "std", "start": "pixels"}
    if generator == "kandinsky":
        changes += ["features.clip-image.encoder=vit-bigg-14"]
    else:
        table["base"] = "sd15"
    table |= {"steps": 2, "size": 64, "batch": 2, "samples": 2, "features": '{image="clip-image"}'}
    changes += [f"images.adapted.{key}={value}" for key, value in table.items()]
    run = finished(PER_VOXEL, "weights=random", *changes)
    decoder = Decoder.of(run.recipe, run.percent, image_id=run.ids)
    made, its = decoder.painted("adapted"), run.open("images/adapted")
    np.testing.assert_array_equal(made.seed, its.seed)
    assert abs(made.picture.values.astype(int) - its.picture.values).max() <= 1
