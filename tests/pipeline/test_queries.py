"""What a notebook asks of an archive: by region, session, picture and split, through plain xarray."""

from __future__ import annotations

import numpy as np
import pytest

from cluster import Threads
from pipeline import load_recipe, run
from storage import Archive
from storage.simulate import simulate_nsd
from storage.simulate.serve import serve


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    """Return a folder with a release of NSD and the archive made of it: two chunks of voxels, 3 sessions."""
    folder = tmp_path_factory.mktemp("lab")
    simulate_nsd(folder / "release", subjects=1, sessions=3, grid=(20, 20, 16), images=60, size=16, seed=2)
    recipe = load_recipe(
        folder / "release" / "recipe.toml", [f'data.archive="{folder / "archive"}"', 'data.voxels="brain"']
    )
    run(recipe, cluster=Threads(workers=2))
    return folder


@pytest.fixture
def archive(made) -> Archive:
    return Archive(made / "archive")


def test_by_region(archive):
    responses, voxels = archive.open("responses", subject="subj01"), archive.open("voxels", subject="subj01")
    inside = voxels.in_roi.sel(roi="prf-visualrois/V1v")
    v1 = responses.sel(voxel=inside)
    assert 0 < v1.sizes["voxel"] == int(inside.sum()) < responses.sizes["voxel"]
    assert v1.response.chunks is not None
    np.testing.assert_array_equal(v1.i, voxels.i[inside.values])
    np.testing.assert_array_equal(v1.response.values, responses.response.values[:, inside.values])


def test_by_session(archive):
    betas = archive.open("betas")
    third = betas.where(betas.session == 3, drop=True)
    assert third.betas.chunks is not None
    np.testing.assert_array_equal(third.betas.values, betas.betas.values[betas.session.values == 3])
    assert archive.open("validity").valid.sel(session=3).sizes == {"voxel": betas.sizes["voxel"]}


@pytest.mark.parametrize("name", ["stimuli", "captions", "responses", "features/pixels"])
def test_by_picture(archive, name):
    product = archive.open(name)
    number = int(product.nsd_id[5])
    one = product.set_xindex("nsd_id").sel(nsd_id=number)
    assert one.image_id == f"nsd{number:05d}"
    for variable in product.data_vars.values():
        if "nsd_id" in variable.coords:
            np.testing.assert_array_equal(one[variable.name], variable[5])


@pytest.mark.parametrize(
    ("name", "dim"),
    [
        ("trials", "trial"),
        ("betas", "trial"),
        ("responses", "row"),
        ("predictions/pixels", "row"),
        ("images/pixels", "row"),
        ("scores/pixels", "row"),
        ("captions", "image"),
        ("features/words", "image"),
    ],
)
def test_the_picture_number_goes_with_the_picture(archive, name, dim):
    product = archive.open(name)
    assert product.nsd_id.dims == (dim,)
    assert [f"nsd{number:05d}" for number in product.nsd_id.values] == product.image_id.values.tolist()


def test_by_split(archive):
    responses = archive.open("responses")
    test = responses.isel(row=responses.split == "test")
    np.testing.assert_array_equal(test.nsd_id, archive.open("predictions/pixels").nsd_id)
    stimuli = archive.open("stimuli")
    assert set(stimuli.nsd_id.values[stimuli.split.values == "test"]) == set(test.nsd_id.values)


def test_a_selection_reads_the_chunks_it_needs(made):
    with serve({"lab": made}) as server:
        archive = Archive("s3://lab/archive", server.options)
        betas = archive.open("betas")
        stored = betas.betas.size * 2
        before = server.bytes, server.requests
        betas.where(betas.session == 3, drop=True).isel(voxel=slice(0, 2048)).betas.load()
        assert betas.sizes["voxel"] > 2048  # of six chunks, one is wanted
        assert server.requests - before[1] == 1
        assert 0 < server.bytes - before[0] < stored / 3
