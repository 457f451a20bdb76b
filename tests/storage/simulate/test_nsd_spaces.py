"""What a simulated release has beside its plain form: other spaces, other sessions, other captions."""

from __future__ import annotations

import gzip
import hashlib
import json

import h5py
import nibabel
import numpy as np
import pandas as pd
import pytest
from scipy.io import loadmat

from storage.simulate.nsd import simulate_nsd
from storage.simulate.nsd.extras import EXTRAS
from storage.simulate.nsd.imagery import REPEATS, RUNS
from storage.simulate.nsd.spaces import SPACES

SMALL = {"subjects": 2, "sessions": 2, "grid": (7, 9, 6), "images": 30, "size": 16, "seed": 3}
BETAS = "nsddata_betas/ppdata/subj01/{}/betas_fithrf_GLMdenoise_RR/{}"
SESSION = "betas_session02"


def digests(folder):
    files = [file for file in folder.rglob("*") if file.is_file()]
    return {str(file.relative_to(folder)): hashlib.sha256(file.read_bytes()).hexdigest() for file in files}


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    place = tmp_path_factory.mktemp("spaces") / "release"
    simulate_nsd(place, **SMALL, spaces=SPACES, extras=EXTRAS)
    return place


@pytest.fixture(scope="module")
def coarse(folder):
    with h5py.File(folder / BETAS.format("func1pt8mm", f"{SESSION}.hdf5")) as file:
        return file["betas"][...].transpose(3, 2, 1, 0)


def surface(path):
    content = path.read_bytes()  # nibabel leaves files of surfaces open
    content = gzip.decompress(content) if path.suffix == ".mgz" else content
    return np.asarray(nibabel.MGHImage.from_bytes(content).dataobj)


def test_what_is_plain_stays_as_it_is(folder, tmp_path):
    told = simulate_nsd(tmp_path / "plain", **SMALL)
    plain = digests(tmp_path / "plain")
    assert plain.items() <= digests(folder).items()
    assert told.nbytes == sum(
        file.stat().st_size for file in (tmp_path / "plain").rglob("*") if file.is_file()
    )


def test_fine_voxels_have_the_responses_of_the_coarse_one_they_lie_in(folder, coarse):
    image = nibabel.load(folder / BETAS.format("func1mm", f"{SESSION}.nii.gz"))
    fine = np.asarray(image.dataobj)
    assert image.header.get_zooms()[:3] == (1, 1, 1)
    assert fine.shape[:3] == (13, 17, 11)
    pairs = zip(fine.shape[:3], coarse.shape[:3], strict=True)
    at = np.ix_(*(np.minimum((np.arange(n) + 0.5) // 1.8, most - 1).astype(int) for n, most in pairs))
    np.testing.assert_array_equal(fine, coarse[at])
    with h5py.File(folder / BETAS.format("func1mm", f"{SESSION}.hdf5")) as file:
        np.testing.assert_array_equal(file["betas"][...].transpose(3, 2, 1, 0), fine)


@pytest.mark.parametrize("side", ["lh", "rh"])
def test_vertices_have_the_responses_of_voxels(folder, coarse, side):
    with h5py.File(folder / BETAS.format("nativesurface", f"{side}.{SESSION}.hdf5")) as file:
        assert file["betas"].chunks == (45, 1)
        native = file["betas"][...].T
    percent = surface(folder / BETAS.format("fsaverage", f"{side}.{SESSION}.mgh"))
    assert (percent.dtype, percent.shape[1:]) == (np.dtype(">f4"), (1, 1, 45))
    known = {row.tobytes() for row in coarse.reshape(-1, 45)}
    assert all(row.tobytes() in known for row in native)
    unmeasured = np.isnan(percent).all(axis=(1, 2, 3))
    assert (np.isnan(percent).any(axis=(1, 2, 3)) == unmeasured).all()
    assert unmeasured.any()
    stored = np.rint(percent[~unmeasured, 0, 0] * 300).astype(np.int16)
    assert {row.tobytes() for row in stored} <= {row.tobytes() for row in native if row.any()}
    for place in ("subj01", "fsaverage"):
        label = folder / f"nsddata/freesurfer/{place}/label"
        assert len(surface(label / f"{side}.nsdgeneral.mgz")) == len({"subj01": native}.get(place, percent))
        assert (label / "streams.mgz.ctab").read_text().splitlines()[1] == "1 early"


def test_imagery(folder):
    experiment = folder / "nsddata/experiments/nsdimagery"
    pairs = {name: loadmat(experiment / f"{name}_pair_list.mat")["pair_list"] for name in "ABC"}
    assert all(table.shape == (6, 3) for table in pairs.values())
    design = loadmat(folder / "nsddata/experiments/nsd/nsd_expdesign.mat")
    for name, number in ((str(row[1][0]).split("_nsd"), row[1][0]) for row in pairs["B"][:3]):
        at, kid73 = int(name[0].removeprefix("shared")), int(name[1].removesuffix(".png"))
        assert design["sharedix"][0, at - 1] == kid73
        assert (experiment / "rawtargetimages/setB" / str(number)).is_file()
    total = 0
    for run in RUNS:
        table = pd.read_csv(folder / f"nsddata/bdata/nsdimagery/nsdimagery_subj01_{run}.tsv", sep="\t")
        assert (table.CUE.value_counts() == REPEATS).all()
        assert (table.CUE == table.CONDITION).all() == run.startswith("img")
        total += len(table) * (2 if run.startswith("att") else 1)
    with h5py.File(folder / BETAS.format("func1pt8mm", "x").replace("/betas", "/nsdimagerybetas", 1).replace(
        "/x", "/betas_nsdimagery.hdf5")) as file:  # fmt: skip
        assert len(file["betas"]) == total


def test_synthetic(folder):
    order = loadmat(folder / "nsddata/experiments/nsdsynthetic/nsdsynthetic_expdesign.mat")
    stimuli = folder / "nsddata_stimuli/stimuli/nsdsynthetic"
    shapes = []
    for name in ("stimuli", "colorstimuli_subj01", "colorstimuli_subj02"):
        with h5py.File(stimuli / f"nsdsynthetic_{name}.hdf5") as file:
            shapes.append(file["imgBrick"].shape)
    assert shapes[1] == shapes[2]
    assert shapes[0][1:] == shapes[1][1:] == (27, 51, 3)
    assert np.unique(order["masterordering"]).tolist() == list(range(1, shapes[0][0] + shapes[1][0] + 1))
    assert order["stimpattern"].sum() == order["masterordering"].size


def test_captions_of_coco_are_the_curated_ones_and_a_sixth(folder):
    info = pd.read_csv(folder / "nsddata/experiments/nsd/nsd_stim_info_merged.csv", index_col=0)
    curated = np.load(folder / "nsddata_stimuli/stimuli/nsd/COCO_73k_annots_curated.npy")
    said = {}
    for split in ("train2017", "val2017"):
        path = folder / f"nsddata_stimuli/stimuli/nsd/annotations/captions_{split}.json"
        for note in json.loads(path.read_text())["annotations"]:
            said.setdefault((split, note["image_id"]), []).append(note["caption"])
    for row in info.itertuples():
        texts = [text for text in curated[row.nsdId] if text]
        assert said[row.cocoSplit, row.cocoId][: len(texts)] == texts
        assert len(said[row.cocoSplit, row.cocoId]) == len(texts) + (row.nsdId % 7 == 0)


@pytest.mark.parametrize("given", [{"spaces": ["MNI"]}, {"extras": ["floc"]}])
def test_what_cannot_be_simulated(tmp_path, given):
    with pytest.raises(ValueError, match="cannot be simulated: use"):
        simulate_nsd(tmp_path / "never", **SMALL, **given)
    assert not (tmp_path / "never").exists()
