"""What Brain-Diffuser's scripts would have made from the release, and what we hand out, number by number."""

from __future__ import annotations

import h5py
import nibabel
import numpy as np
import pytest
from scipy.io import loadmat
from sklearn.linear_model import Ridge

from cluster import Threads
from pipeline import load_recipe, run
from pipeline.cli.program import answer
from pipeline.presets import preset_tables
from pipeline.recipe import Recipe
from storage.simulate import simulate_nsd

STIMULI = "nsddata_stimuli/stimuli/nsd/nsd_stimuli.hdf5"
CAPTIONS = "nsddata_stimuli/stimuli/nsd/COCO_73k_annots_curated.npy"
SUBJECT = "ppdata/subj01/func1pt8mm"


@pytest.fixture(scope="module")
def lab(tmp_path_factory):
    """Return a folder with a release and an archive of its first two sessions, ingested."""
    folder = tmp_path_factory.mktemp("lab")
    simulate_nsd(folder / "release", subjects=1, sessions=3, grid=(12, 12, 10), images=90, size=16, seed=3)
    changes = [f'data.archive="{folder / "archive"}"', "data.sessions=2"]
    recipe = load_recipe(folder / "release" / "recipe.toml", changes)
    run(recipe, cluster=Threads(workers=2), until="ingest")
    return folder


def their_way(release, sessions: int, *, skip: bool = False) -> dict[str, np.ndarray]:
    """Return the arrays as `prepare_nsddata.py` makes them: everything in memory, trial by trial.

    There a voxel that a session did not measure counts as 0; with `skip` its trials are left out.
    """
    design = loadmat(release / "nsddata/experiments/nsd/nsd_expdesign.mat")
    mask = nibabel.load(release / f"nsddata/{SUBJECT}/roi/nsdgeneral.nii.gz").get_fdata() > 0
    betas = []
    for session in range(1, sessions + 1):
        name = f"nsddata_betas/{SUBJECT}/betas_fithrf_GLMdenoise_RR/betas_session{session:02d}.nii.gz"
        betas.append(nibabel.load(release / name).get_fdata().astype(np.float32)[mask].T)
        if skip:
            betas[-1][:, (betas[-1] == 0).all(axis=0)] = np.nan
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
            average = nanmean if skip else np.mean
            mean[at], pictures[at] = average(fmri[sorted(shown)], axis=0), stim[picture]
        made[f"nsd_{split}_fmriavg_nsdgeneral_sub1"] = mean
        made[f"nsd_{split}_stim_sub1"] = pictures
        made[f"nsd_{split}_cap_sub1"] = annots[list(trials)]
    return made


def nanmean(values, axis):
    """Return means without NaN, NaN where none is left, without a warning."""
    there = ~np.isnan(values)
    total, count = np.where(there, values, 0).sum(axis=axis), there.sum(axis=axis)
    return np.where(count, total / np.maximum(count, 1), np.nan)


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


# --- preparation, ridge and correction --------------------------------------------------------------

#: scripts/vdvae_regression.py, clipvision_regression.py, cliptext_regression.py
ALPHAS = {"vdvae": 50_000, "clip-vision": 60_000, "clip-text": 100_000}
#: Sides of the pixels that stand for the three spaces: what a ridge is told matters to it as numbers alone.
SIDES = {"vdvae": 8, "clip-vision": 5, "clip-text": 4}
TOKENS = 5
#: Of the simulated subject.
VOXELS = 219


@pytest.fixture(scope="module", params=["brain-diffuser", "brain-diffuser-clean"])
def regressed(lab, request):
    """Return the name of a preset, and what it makes up to its predictions: 2 of 3 sessions for 37 of 40.

    Penalties count in voxels, of which there are fewer.
    """
    tables = preset_tables(request.param)
    assert {name: space["alpha"] for name, space in tables["ridge"]["spaces"].items()} == ALPHAS
    assert tables["data"].pop("sessions", None) == {"brain-diffuser": 37}.get(request.param)
    data = {
        "dataset": "nsd",
        "source": "release",
        "archive": "archive",
        "subjects": ["subj01"],
        "sessions": 2,
    }
    features = {name: {"model": "pixels", "size": side} for name, side in SIDES.items()}
    spaces = {name: {**space, "alpha": alpha(name)} for name, space in tables["ridge"]["spaces"].items()}
    changed = {"data": {**tables["data"], **data}, "features": features, "ridge": {"spaces": spaces}}
    recipe = Recipe.from_mapping({**tables, **changed, "images": {}, "scores": {}}, lab)
    planned = run(recipe, cluster=Threads(workers=2), until="regress").plan
    return request.param, {step.product: step.in_archive(planned.archive).open().load() for step in planned}


def alpha(space):
    """Return a published penalty for as many voxels as there are here."""
    return ALPHAS[space] * VOXELS / 15_724


def as_published(release, preset):
    """Return voxels (z-scored) of training and test pictures as the regression scripts make them."""
    prepared = their_way(release, 2, skip=preset != "brain-diffuser")
    train, test = (prepared[f"nsd_{split}_fmriavg_nsdgeneral_sub1"] / 300 for split in ("train", "test"))
    mean, std = np.nanmean(train, axis=0), np.nanstd(train, axis=0, ddof=1)
    return [np.nan_to_num((part - mean) / std) for part in (train, test)]


def targets(release, made, space):
    """Return the features of the training pictures, in the scripts' order: by the release's own numbers."""
    features = made[f"features/{space}"]
    place = {number: at for at, number in enumerate(features.nsd_id.values.tolist())}
    shown = order(release, 2)
    return [features.value.values[[place[one] for one in shown[split]]] for split in ("train", "test")]


def order(release, sessions):
    """Return the numbers of the pictures of each split, in the order of their first showing."""
    design = loadmat(release / "nsddata/experiments/nsd/nsd_expdesign.mat")
    shared = set(design["sharedix"].ravel().tolist())
    trials = int(sessions * design["masterordering"].size / 3)
    masters = design["masterordering"][0, :trials].astype(int)
    numbers = design["subjectim"][0, masters - 1].astype(int).tolist()
    seen = list(dict.fromkeys(numbers))
    return {
        "train": [one - 1 for one in seen if one not in shared],
        "test": [one - 1 for one in seen if one in shared],
    }


def test_a_part_of_the_sessions_leaves_some_shared_pictures_unseen(lab, regressed):
    """As 37 of 40 sessions do: 982 of the 1,000."""
    _, made = regressed
    two, three = order(lab / "release", 2), order(lab / "release", 3)
    assert len(two["test"]) < len(three["test"])
    assert len(two["train"]) < len(three["train"])
    responses = made["responses"]
    for split in ("train", "test"):
        assert responses.nsd_id.values[responses.split.values == split].tolist() == two[split]


def test_voxels_are_standardized_as_published(lab, regressed):
    preset, made = regressed
    train, test = as_published(lab / "release", preset)
    assert train.shape[1] == VOXELS
    found = made["responses"].response.values
    np.testing.assert_allclose(found, np.concatenate([train, test]), rtol=1e-5, atol=1e-5)


@pytest.mark.parametrize("space", ALPHAS)
def test_predictions_equal_the_published_arithmetic_step_by_step(lab, regressed, space):
    preset, made = regressed
    train, test = as_published(lab / "release", preset)
    known, _ = targets(lab / "release", made, space)
    known = known.astype(np.float64)
    predicted = np.zeros((len(test), known.shape[1]))
    for part in np.array_split(np.arange(known.shape[1]), TOKENS):  # a fit a token, as the scripts have it
        ridge = Ridge(alpha=alpha(space), fit_intercept=True).fit(train, known[:, part])
        predicted[:, part] = ridge.predict(test)
    found = made[f"predictions/{space}"]
    assert set(found.alpha.values.tolist()) == {alpha(space)}
    spread = known.std(axis=0)
    if preset == "brain-diffuser":
        source = predicted.mean(axis=0), predicted.std(axis=0)
    else:
        source = found.stored_mean.values, found.stored_std.values
    expected = (predicted - source[0]) / source[1] * spread + known.mean(axis=0)
    np.testing.assert_allclose(
        found.predicted / spread, expected / spread, atol=1e-5 * np.abs(expected / spread).max()
    )


def test_stored_statistics_are_those_of_rows_left_out(lab, regressed):
    """Of all training rows here: there are less than 1,000."""
    preset, made = regressed
    found = made["predictions/clip-text"]
    if preset == "brain-diffuser":
        assert np.isnan(found.stored_std).all()
        return
    train, _ = as_published(lab / "release", preset)
    known, _ = targets(lab / "release", made, "clip-text")
    left_out = []
    for row in range(len(train)):
        others = np.arange(len(train)) != row
        ridge = Ridge(alpha=alpha("clip-text")).fit(train[others], known[others].astype(float))
        left_out.append(ridge.predict(train[row : row + 1])[0])
    np.testing.assert_allclose(found.stored_mean, np.mean(left_out, axis=0), rtol=1e-5, atol=1e-5)
    np.testing.assert_allclose(found.stored_std, np.std(left_out, axis=0), rtol=1e-3)
