"""A simulated release read back: the truth that stands beside it is found in what the source returns."""

from __future__ import annotations

import h5py
import nibabel
import numpy as np
import pytest
import scipy.io

from storage.remote import Location
from storage.simulate.nsd import simulate_nsd
from storage.sources.nsd import NsdSource

SUBJECTS = ("subj01", "subj02")
BETAS = "nsddata_betas/ppdata/{}/func1pt8mm/betas_fithrf_GLMdenoise_RR"


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    place = tmp_path_factory.mktemp("nsd")
    simulate_nsd(place, subjects=2, sessions=3, grid=(10, 13, 8), images=30, size=16, seed=1)
    return place


@pytest.fixture(scope="module")
def source(folder):
    return NsdSource(Location.of(folder))


@pytest.mark.parametrize("subject", SUBJECTS)
@pytest.mark.parametrize("form", ["hdf5", "nifti"])
def test_betas(folder, subject, form):
    source = NsdSource(Location.of(folder), format=form)
    source.check(subject)
    mask = nibabel.load(folder / f"nsddata/ppdata/{subject}/func1pt8mm/roi/nsdgeneral.nii.gz").get_fdata() > 0
    betas = source.betas(subject)
    assert betas.shape == (90, mask.sum())
    assert betas.block == 30
    for session in (1, 2, 3):
        with h5py.File(folder / BETAS.format(subject) / f"betas_session{session:02d}.hdf5") as file:
            expected = file["betas"][...].transpose(0, 3, 2, 1)[:, mask]
        np.testing.assert_array_equal(betas.read(30 * session - 30, 30 * session), expected)


@pytest.mark.parametrize("subject", SUBJECTS)
def test_trials_and_pictures(folder, source, subject):
    mat = scipy.io.loadmat(folder / "nsddata/experiments/nsd/nsd_expdesign.mat")
    kid10 = mat["masterordering"].ravel().astype(int)
    kid73 = mat["subjectim"].astype(int)[SUBJECTS.index(subject), kid10 - 1]
    trials, images = source.trials(subject), source.images(subject)
    assert trials.image_id.values.tolist() == [f"nsd{each - 1:05d}" for each in kid73]
    assert set(trials.run.values) == set(range(1, 13))
    assert (trials.repeat.values < 3).all()
    shared = {f"nsd{each - 1:05d}" for each in mat["sharedix"].ravel().astype(int)}
    assert {name for name, test in zip(images.ids, images.test, strict=True) if test} == shared
    rows = [int(name[3:]) for name in images.ids]
    with h5py.File(folder / "nsddata_stimuli/stimuli/nsd/nsd_stimuli.hdf5") as file:
        expected = file["imgBrick"][...][rows]
    np.testing.assert_array_equal(images.read(0, len(rows)), expected)
    captions = np.load(folder / "nsddata_stimuli/stimuli/nsd/COCO_73k_annots_curated.npy")
    assert source.captions(subject).caption.values.tolist() == captions[rows].tolist()


def test_runs_of_the_design_are_those_of_the_record(folder, source, tmp_path):
    bare = tmp_path / "bare"
    for name in ("experiments/nsd/nsd_expdesign.mat", "ppdata/subj01/func1pt8mm/brainmask.nii.gz"):
        (bare / "nsddata" / name).parent.mkdir(parents=True)
        (bare / "nsddata" / name).write_bytes((folder / "nsddata" / name).read_bytes())
    designed = NsdSource(Location.of(bare)).trials("subj01")
    assert designed.identical(source.trials("subj01"))


@pytest.mark.parametrize("subject", SUBJECTS)
def test_noise_ceilings_and_regions(folder, source, subject):
    truth = np.load(folder / "truth.npz")
    voxels = source.voxels(subject)
    stated = {tuple(place): ceiling for place, ceiling in zip(
        truth[f"{subject}/ijk"].tolist(), truth[f"{subject}/noise_ceiling"], strict=True
    )}  # fmt: skip
    places = np.stack([voxels[axis] for axis in "ijk"], axis=1).tolist()
    expected = [stated[tuple(place)] for place in places]
    np.testing.assert_allclose(voxels.noise_ceiling, expected, rtol=1e-4)
    assert voxels.in_roi.sel(roi="nsdgeneral").all()
    assert voxels.in_roi.sel(roi="prf-visualrois/V1v").any()
    assert "floc-faces/FFA-1" in voxels.roi.values
