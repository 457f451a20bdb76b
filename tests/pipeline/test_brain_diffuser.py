"""What Brain-Diffuser's scripts would have made from the release, and what we hand out, number by number."""

from __future__ import annotations

import h5py
import nibabel
import numpy as np
import pytest
from scipy.io import loadmat

from cluster import Threads
from pipeline import load_recipe, run
from pipeline.cli.program import answer
from storage.simulate import simulate_nsd

STIMULI = "nsddata_stimuli/stimuli/nsd/nsd_stimuli.hdf5"
CAPTIONS = "nsddata_stimuli/stimuli/nsd/COCO_73k_annots_curated.npy"
SUBJECT = "ppdata/subj01/func1pt8mm"


@pytest.fixture(scope="module")
def lab(tmp_path_factory):
    """Return a folder with a release and an archive of its first two sessions, ingested."""
    folder = tmp_path_factory.mktemp("lab")
    simulate_nsd(folder / "release", subjects=1, sessions=3, grid=(12, 12, 10), images=60, size=16, seed=3)
    changes = [f'data.archive="{folder / "archive"}"', "data.sessions=2"]
    recipe = load_recipe(folder / "release" / "recipe.toml", changes)
    run(recipe, cluster=Threads(workers=2), until="ingest")
    return folder


def their_way(release, sessions: int) -> dict[str, np.ndarray]:
    """Return the arrays as `prepare_nsddata.py` makes them: everything in memory, trial by trial."""
    design = loadmat(release / "nsddata/experiments/nsd/nsd_expdesign.mat")
    mask = nibabel.load(release / f"nsddata/{SUBJECT}/roi/nsdgeneral.nii.gz").get_fdata() > 0
    betas = []
    for session in range(1, sessions + 1):
        name = f"nsddata_betas/{SUBJECT}/betas_fithrf_GLMdenoise_RR/betas_session{session:02d}.nii.gz"
        betas.append(nibabel.load(release / name).get_fdata().astype(np.float32)[mask].T)
    fmri = np.concatenate(betas)
    with h5py.File(release / STIMULI) as file:
        stim = file["imgBrick"][...]
    annots = np.load(release / CAPTIONS)
    seen = {"train": {}, "test": {}}
    for trial in range(len(fmri)):
        master = int(design["masterordering"][0, trial])
        picture = int(design["subjectim"][0, master - 1]) - 1
        split = "test" if picture + 1 in design["sharedix"] else "train"
        seen[split].setdefault(picture, []).append(trial)
    made = {}
    for split, trials in seen.items():
        mean = np.zeros((len(trials), fmri.shape[1]))
        pictures = np.zeros((len(trials), *stim.shape[1:]))
        for at, (picture, shown) in enumerate(trials.items()):
            mean[at], pictures[at] = fmri[sorted(shown)].mean(0), stim[picture]
        made[f"nsd_{split}_fmriavg_nsdgeneral_sub1"] = mean
        made[f"nsd_{split}_stim_sub1"] = pictures
        made[f"nsd_{split}_cap_sub1"] = annots[list(trials)]
    return made


def test_the_files_are_those_the_scripts_make(lab, capsys):
    line = [
        "export",
        str(lab / "archive"),
        "subj01/betas",
        "--format",
        "brain-diffuser",
        "--to",
        str(lab / "out"),
    ]
    assert answer(line) == 0
    expected = their_way(lab / "release", 2)
    found = {path.stem: np.load(path) for path in (lab / "out").iterdir()}
    assert set(found) == set(expected)
    for name, values in expected.items():
        assert found[name].shape == values.shape, name
        np.testing.assert_array_equal(found[name], values, err_msg=name)
        if "cap" not in name:
            assert found[name].dtype == np.float64
    assert answer(line) == 0  # again: nothing to write, nothing in the way


def test_other_products_have_no_such_form(lab, capsys):
    line = ["export", str(lab / "archive"), "subj01/voxels", "--format", "brain-diffuser", "--to", "out"]
    assert answer(line) == 2
    assert "is not betas of NSD" in capsys.readouterr().err
