"""A simulated release of NSD, the whole way: from a folder, from our own S3 server, from somebody else's."""

from __future__ import annotations

import shutil
from itertools import chain
from pathlib import Path

import h5py
import numpy as np
import pytest
from scipy.io import savemat
from sklearn.linear_model import Ridge

from cluster import Threads
from pipeline import load_recipe, plan, run
from pipeline.cli.program import answer
from pipeline.errors import RecipeError
from pipeline.outcome import Listener
from storage.errors import Denied, Invalid, Missing, NotInSource
from storage.simulate import simulate_nsd
from storage.simulate.serve import serve

THREADS = Threads(workers=2)
STIMULI = "nsddata_stimuli/stimuli/nsd/nsd_stimuli.hdf5"
BETAS = "nsddata_betas/ppdata/subj01/func1pt8mm/betas_fithrf_GLMdenoise_RR"


@pytest.fixture(scope="module")
def release(tmp_path_factory) -> Path:
    """Return a small release of one subject; tests that change it take a copy."""
    folder = tmp_path_factory.mktemp("nsd") / "release"
    simulate_nsd(folder, subjects=1, sessions=3, grid=(14, 16, 12), images=120, size=32, seed=4)
    return folder


@pytest.fixture
def copy(release, tmp_path) -> Path:
    """Return a copy of the release to spoil."""
    return Path(shutil.copytree(release, tmp_path / "copy"))


def _recipe(folder, archive, *more):
    return load_recipe(folder / "recipe.toml", [f'data.archive="{archive}"', *more])


@pytest.fixture(scope="module")
def made(release, tmp_path_factory):
    """Return the archive and the outcome of a run from the folder."""
    archive = tmp_path_factory.mktemp("made") / "archive"
    return archive, run(_recipe(release, archive), cluster=THREADS)


def _opened(outcome):
    return {made.step.product: made.step.in_archive(outcome.plan.archive).open() for made in outcome.made}


def test_pictures_are_recognised(made):
    scores = made[1].as_json()["subjects"]["subj01"]["scores"]
    assert scores["pixels"]["two-way-pixels"]["low"] > 0.75
    assert scores["pixels"]["pixcorr"]["low"] > scores["pixels"]["pixcorr"]["chance"]


def test_the_ridge_finds_the_known_code_up_to_its_noise_ceiling(release, made):
    """Words are predicted nearly as well as from responses without noise, and no better."""
    found = _opened(made[1])
    responses, words = found["responses"], found["features/words"]
    truth = np.load(release / "truth.npz")
    clean = dict(zip(truth["subj01/nsd_id"], truth["subj01/response"], strict=True))
    rows = np.array([clean[int(name.removeprefix("nsd"))] for name in responses.image_id.values])
    good = ~(truth["subj01/dead"].any(axis=0) | truth["subj01/saturated"])
    place = {name: at for at, name in enumerate(words.image_id.values)}
    targets = words.value.values[[place[name] for name in responses.image_id.values]]
    train = responses.split.values == "train"
    gain = rows[:, good].std(axis=0)
    clear = rows[:, good][:, gain > 0] / gain[gain > 0]
    best = Ridge(alpha=1.0).fit(clear[train], targets[train]).predict(clear[~train])

    def correlation(predicted):
        varied = targets[~train].std(axis=0) > 0
        pairs = zip(predicted.T[varied], targets[~train].T[varied], strict=True)
        return np.median([np.corrcoef(a, b)[0, 1] for a, b in pairs])

    ceiling, reached = correlation(best), correlation(found["predictions/words"].predicted.values)
    assert ceiling > 0.9
    assert 0.7 * ceiling < reached < ceiling


def test_the_stated_noise_ceiling_is_that_of_the_truth(release, made):
    truth = np.load(release / "truth.npz")
    stated = _opened(made[1])["voxels"].noise_ceiling.values
    good = ~(truth["subj01/dead"].any(axis=0) | truth["subj01/saturated"])
    ncsnr = truth["subj01/ncsnr"]
    expected = 100 * ncsnr**2 / (ncsnr**2 + 1 / 3)  # every picture is shown three times
    np.testing.assert_allclose(stated[good], expected[good], rtol=1e-3, atol=1e-2)


def test_our_server_and_somebody_elses_give_the_same_archive(
    release, made, tmp_path, s3_server, s3_bucket, stored_bytes
):
    import boto3

    expected = stored_bytes(made[0])
    with serve({"bucket": release}) as server:
        options = f'data.storage_options={{endpoint_url="{server.url}", anon=true}}'
        outcome = run(
            _recipe(release, tmp_path / "ours", "data.source=s3://bucket", options), cluster=THREADS
        )
    assert stored_bytes(tmp_path / "ours") == expected
    planned = {row["product"]: row["bytes_moved"] for row in outcome.plan.rows()}
    assert planned["stimuli"] == 120 * 32 * 32 * 3
    assert sum(planned.values()) == planned["stimuli"] + planned["betas"]
    assert 0.5 < outcome.bytes_moved / sum(planned.values()) < 4  # and headers, indexes, volumes, captions
    client = boto3.client("s3", endpoint_url=s3_server)
    for file in sorted(release.rglob("*")):
        if file.is_file():
            client.upload_file(str(file), s3_bucket, f"nsd/{file.relative_to(release)}")
    options = f'data.storage_options={{endpoint_url="{s3_server}"}}'
    source = f"data.source=s3://{s3_bucket}/nsd"
    run(_recipe(release, tmp_path / "theirs", source, options), cluster=THREADS)
    assert stored_bytes(tmp_path / "theirs") == expected
    # the same data elsewhere have other etags, and are still the same data
    again = run(_recipe(release, made[0], source, options), cluster=THREADS)
    assert again.computed == 0


def test_shuffled_pictures_score_at_chance(copy, tmp_path):
    with h5py.File(copy / STIMULI, "r+") as file:
        order = np.random.default_rng(1).permutation(len(file["imgBrick"]))
        file["imgBrick"][...] = file["imgBrick"][...][order]
    scores = run(_recipe(copy, tmp_path / "archive"), cluster=THREADS).as_json()["subjects"]["subj01"][
        "scores"
    ]
    for name, score in scores["pixels"].items():
        assert score["low"] <= score["chance"] <= score["high"], (name, score)


@pytest.mark.parametrize("average", ["all", "test", "none"])
def test_repeats_are_averaged_as_asked(release, tmp_path, average):
    recipe = _recipe(release, tmp_path / "archive", f"responses.average_repeats={average}", "data.sessions=2")
    responses = _opened(run(recipe, cluster=THREADS, until="respond"))["responses"]
    for split, mean in (("train", average == "all"), ("test", average != "none")):
        rows = responses.repeat.values[responses.split.values == split]
        assert (rows == -1).all() == mean


def test_regions_are_chosen_by_a_space(release, tmp_path):
    changes = ['rois.early="streams == early"', "ridge.spaces.pixels.rois=early"]
    made = _opened(run(_recipe(release, tmp_path / "archive", *changes), cluster=THREADS))
    inside = made["voxels"].in_roi.sel(roi="early").values
    assert 0 < inside.sum() < inside.size
    x = made["responses"].response.values[:, inside].astype(float)
    train = made["responses"].split.values == "train"
    place = {name: at for at, name in enumerate(made["features/pixels"].image_id.values)}
    names = made["responses"].image_id.values
    y = made["features/pixels"].value.values.astype(float)[[place[name] for name in names]]
    expected = Ridge(alpha=100).fit(x[train], y[train]).predict(x[~train])
    np.testing.assert_allclose(made["predictions/pixels"].predicted.values, expected, atol=1e-5)


def test_a_session_that_vanishes_on_the_way_costs_no_finished_block(copy, tmp_path):
    session = copy / BETAS / "betas_session03.hdf5"

    class Thief(Listener):
        def stage_started(self, step, todo, total):
            if step.product == "betas":
                session.rename(tmp_path / "stolen")

    recipe, one = _recipe(copy, tmp_path / "archive"), Threads(workers=1)
    with pytest.raises(Missing, match="betas_session03"):
        run(recipe, cluster=one, until="ingest", listener=Thief())
    done = {path.name for path in (tmp_path / "archive/subj01/betas").glob("*/done/0*.json")}
    assert "00002.json" not in done
    assert done
    (tmp_path / "stolen").rename(session)
    again = run(recipe, cluster=one, until="ingest")
    assert {made.step.product: made.computed for made in again.made}["betas"] == 3 - len(done)


def test_a_session_that_is_not_there_is_told(copy, tmp_path):
    for name in ("hdf5", "nii.gz"):
        (copy / BETAS / f"betas_session02.{name}").unlink()
    with pytest.raises(Missing, match="betas_session02"):
        run(_recipe(copy, tmp_path / "archive"), cluster=THREADS)


@pytest.mark.parametrize(
    ("change", "error", "says"),
    [
        ("data.sessions=9", NotInSource, "session"),
        ("data.sessions=[1, 7]", NotInSource, "7"),
        ('data.voxels="nsdgenral"', NotInSource, "did you mean 'nsdgeneral'"),
        ('data.voxels="streams == erly"', NotInSource, "early"),
        ('data.voxels="streams =="', NotInSource, "streams =="),
        ("data.voxels=streams == erly & nsdgeneral", NotInSource, "early"),
        ('data.betas="betas_fithrf_GLM"', NotInSource, "betas_fithrf_GLMdenoise_RR"),
        ('data.subjects=["subj1"]', NotInSource, "subj01"),
    ],
)
def test_what_the_recipe_asks_wrongly(release, tmp_path, change, error, says):
    with pytest.raises(error, match=says) as caught:
        run(_recipe(release, tmp_path / "archive", change), cluster=THREADS)
    assert caught.value.exit_code == 2
    assert not (tmp_path / "archive").exists()


def test_a_truncated_session_is_told(copy, tmp_path):
    (copy / BETAS / "betas_session02.nii.gz").unlink()
    file = copy / BETAS / "betas_session02.hdf5"
    file.write_bytes(file.read_bytes()[:-2000])
    with pytest.raises(Invalid, match="betas_session02"):
        run(_recipe(copy, tmp_path / "archive"), cluster=THREADS)


def test_a_picture_id_out_of_range_is_told(copy, tmp_path):
    from scipy.io import loadmat

    place = copy / "nsddata/experiments/nsd/nsd_expdesign.mat"
    design = {name: value for name, value in loadmat(place).items() if not name.startswith("__")}
    design["subjectim"][0, int(design["masterordering"][0, 0]) - 1] = 10**6
    savemat(place, design)
    with pytest.raises(Invalid, match=r"1000000|999999"):
        run(_recipe(copy, tmp_path / "archive"), cluster=THREADS)
    assert not (tmp_path / "archive").exists()


def test_no_bucket_and_no_permission(release, tmp_path, s3_server, monkeypatch):
    options = f'data.storage_options={{endpoint_url="{s3_server}"}}'
    with pytest.raises(Missing, match="nobody-has-this"):
        plan(_recipe(release, tmp_path / "archive", "data.source=s3://nobody-has-this", options))
    monkeypatch.delenv("AWS_ACCESS_KEY_ID")
    monkeypatch.delenv("AWS_SECRET_ACCESS_KEY")
    with pytest.raises(Denied, match="credentials"):
        plan(_recipe(release, tmp_path / "archive", "data.source=s3://private", options))


def test_words_need_captions(copy, tmp_path):
    (copy / "nsddata_stimuli/stimuli/nsd/COCO_73k_annots_curated.npy").unlink()
    with pytest.raises(RecipeError, match=r"COCO_73k_annots_curated\.npy"):
        plan(_recipe(copy, tmp_path / "archive"))


def test_an_alias_without_a_voxel_is_the_recipes_mistake(release, tmp_path):
    changes = ["rois.none=streams == early - brain", "ridge.spaces.pixels.rois=none"]
    said = r"\[rois\] none = 'streams == early - brain' holds none of subj01's voxels"
    with pytest.raises(RecipeError, match=said) as caught:
        plan(_recipe(release, tmp_path / "archive", *changes))
    assert caught.value.exit_code == 2


def test_a_full_size_plan_reads_the_design_and_the_regions_only(tmp_path):
    """Subject 1: 40 sessions of 750, 81 x 104 x 83 voxels, 346,800 targets; no betas, no pictures."""
    import nibabel

    random = np.random.default_rng(0)
    order = np.concatenate([random.permutation(np.repeat(np.arange(1, 10001), 3))])
    lists = np.stack([random.permutation(73000)[:10000] + 1 for _ in range(8)])
    lists[:, :1000] = np.sort(lists[0, :1000])
    experiment = tmp_path / "nsddata/experiments/nsd"
    experiment.mkdir(parents=True)
    design = {"masterordering": order[None].astype(float), "subjectim": lists.astype(float)}
    savemat(experiment / "nsd_expdesign.mat", {**design, "sharedix": lists[:1, :1000].astype(float)})
    mask = np.zeros((81, 104, 83), np.int16)
    mask.reshape(-1)[random.choice(mask.size, 15724, replace=False)] = 1
    folder = tmp_path / "nsddata/ppdata/subj01/func1pt8mm"
    (folder / "roi").mkdir(parents=True)
    for name in ("roi/nsdgeneral", "brainmask"):
        nibabel.save(nibabel.Nifti1Image(mask, np.eye(4)), folder / f"{name}.nii.gz")
    recipe = tmp_path / "full.toml"
    recipe.write_text(
        """
[data]
dataset = "nsd"
source = "."
archive = "archive"
subjects = ["subj01"]
voxels = "nsdgeneral"
[features.pixels]
model = "pixels"
size = 340
[ridge.spaces.pixels]
alpha = 60000
"""
    )
    rows = {row["product"]: row for row in plan(load_recipe(recipe)).rows()}
    assert rows["betas"]["blocks"] == 40
    assert rows["betas"]["bytes_kept"] >= 30_000 * 15_724 * 2
    assert rows["gram/all"]["blocks"] == 8
    assert rows["gram/all"]["flops"] == pytest.approx(9000**2 * 15_724, rel=0.01)
    assert rows["predictions/pixels"]["blocks"] == -(-346_800 // 4096)
    assert rows["predictions/pixels"]["flops"] == pytest.approx(2 * 1000 * 9000 * 346_800, rel=0.01)
    assert all(row["memory"] > 0 for row in rows.values())
    assert not (tmp_path / "archive").exists()


@pytest.mark.parametrize("kind", ["threads", "local"])
def test_what_takes_longer_than_it_needs_to_comes_as_a_note(copy, tmp_path, kind, capsys):
    for path in sorted((copy / BETAS).glob("*.hdf5")):
        with h5py.File(path, "r+") as file:
            values = file["betas"][...]
            del file["betas"]
            file.create_dataset("betas", data=values, chunks=values.shape, compression="lzf")
    settings = [f'data.archive="{tmp_path / "archive"}"', f'cluster.kind="{kind}"', "cluster.workers=2"]
    line = ["run", str(copy / "recipe.toml"), "--until", "ingest"]
    assert answer([*line, *chain.from_iterable(("--set", each) for each in settings)]) == 0
    told = [each for each in capsys.readouterr().err.splitlines() if "h5py" in each]
    assert len(told) == 1
    assert told[0].startswith(f"subj01/betas: files in {copy / BETAS} are read whole, through h5py (")
