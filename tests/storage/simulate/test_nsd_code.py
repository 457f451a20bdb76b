"""The known code of a simulated NSD release can be found again in its betas."""

from __future__ import annotations

from dataclasses import dataclass

import h5py
import nibabel
import numpy as np
import pytest
from scipy.io import loadmat

from storage.simulate.brain import CHANNELS
from storage.simulate.nsd import simulate_nsd
from storage.simulate.nsd.anatomy import ATLASES, grow_anatomy
from storage.simulate.nsd.captions import WORDS, paraphrases, word_counts
from storage.simulate.nsd.design import plan_experiment
from storage.simulate.nsd.recording import set_up
from storage.simulate.nsd.tuning import tune
from storage.simulate.scenes import draw_scene
from storage.simulate.showing import Design, plan_showings

BETAS = "nsddata_betas/ppdata/subj01/func1pt8mm/betas_fithrf_GLMdenoise_RR"


@dataclass
class Read:
    """One subject of a release as its files tell it."""

    folder: object
    truth: dict[str, np.ndarray]
    standardised: np.ndarray  # (trial, voxel of nsdgeneral), within sessions
    row: np.ndarray  # (trial) number of the picture
    shared: np.ndarray  # numbers of the shared pictures

    def averages(self, rows):
        return np.stack([self.standardised[self.row == row].mean(axis=0) for row in rows])

    @property
    def sound(self):
        return ~(self.truth["dead"].any(axis=0) | self.truth["saturated"])


@pytest.fixture(scope="module")
def read(tmp_path_factory):
    folder = tmp_path_factory.mktemp("nsd")
    simulate_nsd(folder, subjects=1)
    with np.load(folder / "truth.npz") as file:
        truth = {name.removeprefix("subj01/"): file[name] for name in file.files}
    design = loadmat(folder / "nsddata/experiments/nsd/nsd_expdesign.mat")
    order = design["masterordering"][0].astype(int)
    sessions = []
    for session in (1, 2, 3):
        with h5py.File(folder / BETAS / f"betas_session{session:02}.hdf5") as file:
            part = file["betas"][...].T[tuple(truth["ijk"].T)].T / 300
        spread = part.std(axis=0, ddof=1)
        sessions.append((part - part.mean(axis=0)) / np.where(spread > 0, spread, 1))
    row = design["subjectim"][0, order - 1].astype(int) - 1
    return Read(folder, truth, np.concatenate(sessions), row, design["sharedix"][0].astype(int) - 1)


def test_the_truth_is_complete(read):
    truth, voxels = read.truth, len(read.truth["ijk"])
    early = int(truth["early"].sum())
    assert truth["channels"].tolist() == list(CHANNELS)
    assert truth["words"].tolist() == list(WORDS)
    shapes = {
        "centre": (early, 2),
        "channel_weight": (early, len(CHANNELS)),
        "word_weight": (voxels - early, len(WORDS)),
        "dead": (3, voxels),
        "session_gain": (3,),
        "nsd_id": (300,),
        "response": (300, voxels),
    }
    assert {name: truth[name].shape for name in shapes} == shapes
    np.testing.assert_array_equal(truth["nsd_id"], np.unique(read.row))
    np.testing.assert_allclose(truth["response"].mean(axis=0), 0, atol=1e-4)
    np.testing.assert_allclose(truth["response"].std(axis=0), truth["gain"], rtol=1e-3)
    folder = read.folder / "nsddata/ppdata/subj01/func1pt8mm/roi"
    visual = np.asarray(nibabel.load(folder / "nsdgeneral.nii.gz").dataobj) > 0
    np.testing.assert_array_equal(np.argwhere(visual), truth["ijk"])
    areas = np.asarray(nibabel.load(folder / "prf-visualrois.nii.gz").dataobj)[visual]
    np.testing.assert_array_equal(areas > 0, truth["early"])


def test_ncsnr_states_the_ceiling(read):
    ncsnr = np.asarray(nibabel.load(read.folder / BETAS / "ncsnr.nii.gz").dataobj)
    mask = nibabel.load(read.folder / "nsddata/ppdata/subj01/func1pt8mm/brainmask.nii.gz")
    np.testing.assert_array_equal(np.isnan(ncsnr), np.asarray(mask.dataobj) == 0)
    found = ncsnr[tuple(read.truth["ijk"].T)]
    np.testing.assert_allclose(found, read.truth["gain"] / read.truth["noise"], rtol=1e-5)
    np.testing.assert_allclose(100 * found**2 / (found**2 + 1 / 3), read.truth["noise_ceiling"], rtol=1e-4)
    assert found.min() > 0
    assert found.max() < 1


def test_repeats_show_the_ceiling(read):
    rows = np.unique(read.row)
    shown = np.stack([read.standardised[read.row == row] for row in rows])
    assert shown.shape[:2] == (300, 3)
    noise = shown.var(axis=1, ddof=1).mean(axis=0)
    signal = np.clip(read.standardised.var(axis=0) - noise, 0, None)
    with np.errstate(invalid="ignore"):
        found = (100 * signal / (signal + noise / 3))[read.sound]
    stated = read.truth["noise_ceiling"][read.sound]
    assert np.corrcoef(found, stated)[0, 1] > 0.9  # of 300 pictures it is an estimate
    assert abs(np.mean(found - stated)) < 2


def test_averages_correlate_with_the_truth_as_far_as_the_ceiling_lets_them(read):
    averages = read.averages(read.truth["nsd_id"])[:, read.sound]
    truth = read.truth["response"][:, read.sound]
    z = [(each - each.mean(axis=0)) / each.std(axis=0) for each in (averages, truth)]
    found = (z[0] * z[1]).mean(axis=0)
    stated = np.sqrt(read.truth["noise_ceiling"][read.sound] / 100)
    assert abs(np.mean(found - stated)) < 0.01
    assert np.abs(found - stated).max() < 0.25


def test_sessions_differ_in_gain(read):
    gain = read.truth["session_gain"]
    spread = []
    for session in (1, 2, 3):
        with h5py.File(read.folder / BETAS / f"betas_session{session:02}.hdf5") as file:
            spread.append(file["betas"][...].T[tuple(read.truth["ijk"][read.sound].T)].std(axis=1))
    ratio = np.median(spread[1] / spread[0]), np.median(spread[2] / spread[0])
    np.testing.assert_allclose(ratio, gain[1:] / gain[0], rtol=0.02)
    assert np.ptp(gain) > 0.01


@pytest.mark.parametrize("session", [1, 2, 3])
def test_voxels_of_a_session_drift_together_and_slowly(read, session):
    with h5py.File(read.folder / BETAS / f"betas_session{session:02}.hdf5") as file:
        volume = file["betas"][...]
    silent = np.ones(volume.shape[1:], bool)
    silent[tuple(read.truth["ijk"].T[::-1])] = False  # outside of nsdgeneral a picture has no say
    noise = volume[:, silent].astype(float)
    spread = noise.std(axis=0)
    noise = (noise[:, spread > 0] - noise[:, spread > 0].mean(axis=0)) / spread[spread > 0]
    course = np.linalg.svd(noise, full_matrices=False)[0][:, 0]
    assert np.corrcoef(course[1:], course[:-1])[0, 1] > 0.8  # of trials in any other order: about 0


def fitted(read, target, responses):
    """Return prediction and target of the shared pictures from a ridge on the others."""
    from sklearn.linear_model import Ridge

    test = np.isin(read.truth["nsd_id"], read.shared)
    mean = target[~test].mean(axis=0)
    made = Ridge(100).fit(responses[~test], target[~test] - mean).predict(responses[test])
    return made, target[test] - mean


def identified(made, seen):
    """Return the share of pairs in which a picture is more like itself than another is."""
    count = len(seen)
    correlation = np.corrcoef(seen, made)[:count, count:]
    return (np.diag(correlation)[None] > correlation).sum() / (count * (count - 1))


@pytest.fixture(scope="module")
def pixels(read):
    with h5py.File(read.folder / "nsddata_stimuli/stimuli/nsd/nsd_stimuli.hdf5") as file:
        pictures = file["imgBrick"][...][read.truth["nsd_id"]]
    return pictures.reshape(300, 16, 4, 16, 4, 3).mean(axis=(2, 4)).reshape(300, -1) / 255


@pytest.fixture(scope="module")
def words(read):
    captions = np.load(read.folder / "nsddata_stimuli/stimuli/nsd/COCO_73k_annots_curated.npy")
    return np.stack([word_counts(captions[row]).sum(axis=0) for row in read.truth["nsd_id"]])


def test_a_ridge_finds_the_code(read, pixels, words):
    noisy, clean = read.averages(read.truth["nsd_id"]), read.truth["response"] / read.truth["gain"]
    assert identified(*fitted(read, pixels, noisy)) > 0.95
    assert identified(*fitted(read, words, noisy)) > 0.98
    seen = [np.mean(np.diag(np.corrcoef(*fitted(read, pixels, each))[:30, 30:])) for each in (clean, noisy)]
    assert seen[0] > seen[1] > 0.4
    shuffled = np.random.default_rng(0).permutation(noisy)
    assert identified(*fitted(read, pixels, shuffled)) < 0.7


def test_early_voxels_see_and_higher_voxels_know(read, pixels, words):
    noisy, early = read.averages(read.truth["nsd_id"]), read.truth["early"]
    seen = [identified(*fitted(read, pixels, noisy[:, which])) for which in (early, ~early)]
    known = [identified(*fitted(read, words, noisy[:, which])) for which in (early, ~early)]
    assert seen[0] > seen[1] + 0.1
    assert known[1] > known[0]


def test_the_left_brain_sees_the_right_of_the_picture_and_ventral_v1_the_top():
    anatomy = grow_anatomy((20, 24, 18))
    tuning = tune(anatomy, np.random.default_rng(0))
    x, y = tuning.fields.centre.T
    left = anatomy.left[anatomy.visual][tuning.early]
    assert x[left].mean() > x[~left].mean() + 0.2
    area = anatomy.atlases["prf-visualrois"][anatomy.visual][tuning.early]
    names = ATLASES["prf-visualrois"]
    for name in ("V1", "V2", "V3"):
        ventral, dorsal = (y[area == names.index(name + half) + 1].mean() for half in "vd")
        assert ventral < dorsal - 0.1
    assert set(np.unique(area)) == {1, 2, 3, 4, 5, 6, 7}
    assert all(each.min() >= 0 and each.max() <= 1 for each in (x, y))


def test_face_areas_like_circles():
    anatomy = grow_anatomy((20, 24, 18))
    tuning = tune(anatomy, np.random.default_rng(0))
    face = anatomy.atlases["floc-faces"][anatomy.visual][~tuning.early] > 0
    circle = tuning.taste[:, WORDS.index("circle")]
    assert circle[face].mean() > 0.3
    assert abs(circle[~face].mean()) < 0.1


@pytest.mark.parametrize("grid", [(1, 1, 1), (2, 3, 2), (5, 4, 6)])
def test_small_brains_have_a_first_visual_area(grid):
    anatomy = grow_anatomy(grid)
    assert (anatomy.atlases["prf-visualrois"] > 0).any()
    tuning = tune(anatomy, np.random.default_rng(0))
    recorder = set_up(anatomy, tuning, 2, np.random.default_rng(0))
    assert not recorder.dead.all(axis=0).any()
    assert not (recorder.dead.any(axis=0) & recorder.wild).any()


def test_captions_say_the_same_in_other_words():
    scene = draw_scene(0, 1, 16)
    counts = word_counts([scene.caption])
    assert counts.sum() == 2 + sum(scene.caption.count(shape) for shape in WORDS[:4]) * 2
    said = [text for text in paraphrases(scene.caption, np.random.default_rng(0)) if text]
    assert len(set(said)) == len(said) > 1
    np.testing.assert_array_equal(word_counts(said), np.repeat(counts, len(said), axis=0))


def test_a_full_session_has_runs_of_63_and_62_trials():
    design = Design(train=225, test=25, trials=750)
    experiment = plan_experiment(design, 1, 1000, np.random.default_rng(0))
    assert experiment.runs().tolist() == [63, 62] * 6


@pytest.mark.parametrize(("trials", "images"), [(None, 30), (31, 31), (60, 60), (114, 114)])
def test_surplus_trials_show_new_pictures(trials, images):
    experiment = plan_experiment(plan_showings(30, 3, trials), 3, 120, np.random.default_rng(0))
    for subject in range(8):
        shown, times = np.unique(experiment.shown(subject), return_counts=True)
        assert len(shown) == images
        assert set(times) == {3}
        assert len(set(experiment.subjectim[subject])) == experiment.subjectim.shape[1]
