"""Source files that change between runs: what hangs on them is told, and recomputed, and nothing else."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

import h5py
import numpy as np
import pytest

from cluster import Threads
from pipeline import load_recipe, run
from storage.errors import Changed, Invalid
from storage.simulate import simulate_nsd

THREADS = Threads(workers=2)
STIMULI = "nsddata_stimuli/stimuli/nsd"
FUNC = "nsddata/ppdata/subj01/func1pt8mm"
BETAS = "nsddata_betas/ppdata/subj01/func1pt8mm/betas_fithrf_GLMdenoise_RR"
SESSION = f"{BETAS}/betas_session02.hdf5"
RESPONSES = "nsddata/ppdata/subj01/behav/responses.tsv"


@pytest.fixture(scope="module")
def release(tmp_path_factory) -> Path:
    """Return a small release of one subject and three sessions; tests that change it take a copy."""
    folder = tmp_path_factory.mktemp("nsd") / "release"
    simulate_nsd(folder, subjects=1, sessions=3, grid=(12, 14, 10), images=60, size=16, seed=4)
    return folder


@pytest.fixture
def copy(release, tmp_path) -> Path:
    """Return a copy of the release to change."""
    return Path(shutil.copytree(release, tmp_path / "copy"))


def _recipe(folder, *more):
    return load_recipe(folder / "recipe.toml", [f'data.archive="{folder.parent / "archive"}"', *more])


def _computed(outcome) -> dict[str, int]:
    return {made.step.product: made.computed for made in outcome.made if made.computed}


def _opened(outcome, name):
    step = next(made.step for made in outcome.made if made.step.product == name)
    return step.in_archive(outcome.plan.archive).open()


def _done(folder, product) -> dict[str, bytes]:
    found = sorted((folder.parent / "archive/subj01" / product).glob("*/done/*.json"))
    return {path.name: path.read_bytes() for path in found}


def _replace(folder) -> None:
    with h5py.File(folder / SESSION, "r+") as file:
        file["betas"][...] = file["betas"][...][::-1]


def test_a_session_that_was_replaced_is_told_and_refreshed_down_to_the_pictures(copy):
    recipe = _recipe(copy)
    first = run(recipe, cluster=THREADS)
    before = _opened(first, "predictions/pixels").predicted.values
    other = _recipe(copy, "ridge.spaces.pixels.alpha=50")
    run(other, cluster=THREADS)
    _replace(copy)
    with pytest.raises(Changed, match=r"betas_session02\.hdf5 has changed.*--refresh"):
        run(recipe, cluster=THREADS)
    again = run(recipe, cluster=THREADS, refresh=True)
    assert [made.step for made in again.made] == list(again.plan)
    named = {"betas", "responses", "gram/all", "predictions/pixels", "images/pixels", "scores/pixels"}
    assert named <= {*_computed(again)}
    assert "features/pixels" not in _computed(again)  # no brain data entered it
    assert not np.allclose(before, _opened(again, "predictions/pixels").predicted.values)
    # what another recipe made from the same betas is made anew as well, without being told
    later = _computed(run(other, cluster=THREADS))
    assert {"smoother/pixels", "predictions/pixels"} <= {*later}
    assert "responses" not in later


def test_of_a_session_that_was_replaced_only_its_block_is_read_again(copy):
    recipe = _recipe(copy)
    before = _opened(run(recipe, cluster=THREADS, until="respond"), "betas").betas.values
    markers = _done(copy, "betas")
    _replace(copy)
    with pytest.raises(Changed, match=r"betas@.*blocks concerned: 1 of 3"):
        run(recipe, cluster=THREADS, until="respond")
    again = run(recipe, cluster=THREADS, until="respond", refresh=True)
    assert _computed(again) == {"betas": 1, "validity": 1, "responses": 1}
    after = _done(copy, "betas")
    assert {name for name in markers if markers[name] != after[name]} == {"00001.json"}
    inside = _opened(again, "trials").session.values == 2
    expected = before.copy()
    expected[inside] = before[inside][::-1]
    np.testing.assert_array_equal(_opened(again, "betas").betas.values, expected)
    assert not _computed(run(recipe, cluster=THREADS, until="respond"))


@pytest.mark.parametrize(
    ("file", "product"),
    [
        (RESPONSES, "trials"),
        (f"{FUNC}/roi/streams.nii.gz", "voxels"),
        (f"{FUNC}/brainmask.nii.gz", "voxels"),
        (f"{STIMULI}/COCO_73k_annots_curated.npy", "captions"),
    ],
)
def test_a_file_with_another_date_and_the_same_content_costs_no_betas_and_no_pictures(copy, file, product):
    recipe = _recipe(copy)
    run(recipe, cluster=THREADS)
    os.utime(copy / file, ns=(1, 1))
    with pytest.raises(Changed, match=rf"{Path(file).name} has changed since subj01/{product}@"):
        run(recipe, cluster=THREADS)
    computed = _computed(run(recipe, cluster=THREADS, refresh=True))
    assert {product} <= {*computed} <= {"trials", "voxels", "captions"}
    assert not _computed(run(recipe, cluster=THREADS))


def test_a_truncated_replacement_costs_no_finished_block(copy):
    recipe = _recipe(copy)
    run(recipe, cluster=THREADS, until="ingest")
    before = {name: _done(copy, name) for name in ("betas", "stimuli")}
    whole = (copy / SESSION).read_bytes()
    (copy / SESSION).write_bytes(whole[:-2000])
    with pytest.raises(Invalid, match="betas_session02"):
        run(recipe, cluster=THREADS, until="ingest", refresh=True)
    assert {name: _done(copy, name) for name in before} == before
    (copy / SESSION).write_bytes(whole)
    assert _computed(run(recipe, cluster=THREADS, until="ingest", refresh=True))["betas"] == 1


def test_an_unfinished_product_loses_its_stale_block_alone(copy):
    recipe = _recipe(copy)
    planned = run(recipe, cluster=THREADS, until="ingest").plan
    betas = next(step for step in planned if step.product == "betas").in_archive(planned.archive)
    betas.revoke(["00002"])  # as a run that was stopped leaves it
    _replace(copy)
    with pytest.raises(Changed, match=r"betas_session02\.hdf5 .*blocks concerned: 1 of 3"):
        run(recipe, cluster=THREADS, until="ingest")
    assert _computed(run(recipe, cluster=THREADS, until="ingest", refresh=True))["betas"] == 2


@pytest.mark.parametrize(
    ("file", "said", "computed"),
    [
        (f"{BETAS}/ncsnr.nii.gz", r"ncsnr\.nii\.gz", {"voxels", "validity"}),
        (f"{FUNC}/roi/floc-faces.nii.gz", "roi/", {"voxels"}),
        ("nsddata/templates/nsdgeneral.ctab", "templates/", {"voxels"}),
    ],
)
def test_a_file_that_comes_later_is_noticed(copy, file, said, computed):
    path, recipe = copy / file, _recipe(copy)
    content = path.read_bytes() if path.exists() else b"1 everything 1 2 3 0\n"
    if file.startswith(f"{FUNC}/roi"):
        content = (copy / f"{FUNC}/roi/nsdgeneral.nii.gz").read_bytes()
    path.unlink(missing_ok=True)
    run(recipe, cluster=THREADS, until="ingest")
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content)
    with pytest.raises(Changed, match=rf"{said} has changed since subj01/voxels.*--refresh"):
        run(recipe, cluster=THREADS, until="ingest")
    assert _computed(run(recipe, cluster=THREADS, until="ingest", refresh=True)).keys() == computed
    assert not _computed(run(recipe, cluster=THREADS, until="ingest"))


def test_noise_ceilings_that_come_later_cost_no_beta(copy, tmp_path, stored_bytes):
    """They only describe voxels: the frame is written anew, and all is as if they had been there before."""
    ncsnr, recipe = copy / f"{BETAS}/ncsnr.nii.gz", _recipe(copy)
    ncsnr.rename(tmp_path / "ncsnr.nii.gz")
    run(recipe, cluster=THREADS, until="respond")
    blocks = _done(copy, "betas")
    (tmp_path / "ncsnr.nii.gz").rename(ncsnr)
    with pytest.raises(Changed, match=r"betas@.*blocks concerned: 0 of 3|voxels@"):
        run(recipe, cluster=THREADS, until="respond")
    again = run(recipe, cluster=THREADS, until="respond", refresh=True)
    assert _computed(again).keys() == {"voxels", "validity", "responses"}
    changed = {name for name, marker in _done(copy, "betas").items() if marker != blocks[name]}
    assert changed == {"frame.json"}
    assert np.isfinite(_opened(again, "betas").noise_ceiling.values).all()
    fresh = load_recipe(copy / "recipe.toml", [f'data.archive="{tmp_path / "fresh"}"'])
    run(fresh, cluster=THREADS, until="respond")
    assert stored_bytes(tmp_path / "archive") == stored_bytes(tmp_path / "fresh")


def test_other_pictures_are_held_out_and_no_beta_is_read_again(copy):
    outcome = run(_recipe(copy), cluster=THREADS, until="respond")
    listed = copy / "ids.txt"
    listed.write_text("\n".join(_opened(outcome, "stimuli").image_id.values[:4]))
    other = run(_recipe(copy, f'data.test="{listed}"'), cluster=THREADS, until="respond")
    assert _computed(other).keys() == {"trials", "stimuli", "responses"}
    assert _opened(other, "responses").split.values.tolist().count("test") == 4
