"""nsdimagery and nsdsynthetic as test sets, against h5py, pandas, Pillow and scipy reading the same files."""

from __future__ import annotations

import pickle
import shutil
from pathlib import Path

import h5py
import nibabel
import numpy as np
import pandas as pd
import pytest
from PIL import Image
from scipy.io import loadmat, savemat

from storage.errors import Invalid, Missing
from storage.remote import Location
from storage.simulate.nsd import simulate_nsd
from storage.simulate.nsd.spaces import SPACES
from storage.sources.nsd import NsdSource
from storage.sources.nsd.imagery import RUNS

SUBJECT, SIZE, CORE = "subj02", 16, 90
BETAS = "nsddata_betas/ppdata/subj02/{}/{}betas_fithrf_GLMdenoise_RR"
IMAGERY = "nsddata/experiments/nsdimagery"
TABLE = "nsddata/bdata/nsdimagery/nsdimagery_subj02_{}.tsv"
TESTS = ("imagery", "synthetic")


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    place = tmp_path_factory.mktemp("others") / "release"
    plain = {"subjects": 2, "sessions": 3, "grid": (6, 7, 5), "images": 30, "size": SIZE, "seed": 5}
    simulate_nsd(place, **plain, spaces=SPACES, extras=[*TESTS, "coco"])
    return place


@pytest.fixture
def copy(folder, tmp_path):
    return Path(shutil.copytree(folder, tmp_path / "copy"))


def source(folder, test, **given):
    return pickle.loads(pickle.dumps(NsdSource(Location.of(folder), test=test, **given)))


def imagined(folder):
    """Return the picture file of each beta of the session, None where none is tested."""
    files = {}
    for name in "AB":
        for _, file, letter in loadmat(folder / IMAGERY / f"{name}_pair_list.mat", squeeze_me=True)[
            "pair_list"
        ]:
            files[name, letter] = folder / IMAGERY / f"rawtargetimages/set{name}" / file
    found = []
    for run in RUNS:
        table = pd.read_csv(folder / TABLE.format(run), sep="\t")
        if run.startswith("img"):
            found += [files.get((run[3], letter)) for letter in table.CUE]
        else:
            found += [None] * len(table) * (2 if run.startswith("att") else 1)
    return found


def test_imagined_trials(folder):
    trials, files = source(folder, "imagery").trials(SUBJECT), imagined(folder)
    core, other = trials.isel(trial=slice(CORE)), trials.isel(trial=slice(CORE, None))
    assert other.sizes["trial"] == len(files)
    assert not core.test.any()
    assert (core.session > 0).all()
    assert (other.session == 0).all()
    assert other.image_id.values.tolist() == [file.stem if file else "" for file in files]
    assert other.used.values.tolist() == other.test.values.tolist() == [file is not None for file in files]
    names = other.image_id.values.tolist()
    assert all(
        repeat == names[:at].count(name)
        for at, (name, repeat) in enumerate(zip(names, other.repeat.values, strict=True))
    )
    numbers = [len(pd.read_csv(folder / TABLE.format(run), sep="\t")) for run in RUNS]
    times = [2 if run.startswith("att") else 1 for run in RUNS]
    assert other.run.values.tolist() == np.repeat(np.arange(1, 13), np.multiply(numbers, times)).tolist()


def test_what_is_imagined_was_not_trained_on(folder):
    trials = source(folder, "imagery").trials(SUBJECT)
    core = trials.isel(trial=slice(CORE))
    names = {file.stem for file in imagined(folder) if file and file.stem.startswith("shared")}
    photographs = {int(name[-5:]) - 1 for name in names if not name.startswith("shared0000")}
    assert photographs
    assert photographs <= set(core.nsd_id.values)
    assert set(core.nsd_id.values[~core.used.values]) == photographs
    images = source(folder, "imagery").images(SUBJECT)
    assert not photographs & set(images.nsd_id[~images.test])
    assert photographs <= set(images.nsd_id[images.test])


def test_synthetic_trials(folder):
    trials = source(folder, "synthetic").trials(SUBJECT).isel(trial=slice(CORE, None))
    design = loadmat(folder / "nsddata/experiments/nsdsynthetic/nsdsynthetic_expdesign.mat")
    order = design["masterordering"].ravel().astype(int)
    assert trials.image_id.values.tolist() == [f"nsdsynthetic{number:03d}" for number in order]
    assert trials.test.all()
    assert trials.used.all()
    assert (trials.nsd_id == -1).all()
    lengths = design["stimpattern"].squeeze().sum(axis=1).astype(int)
    assert trials.run.values.tolist() == np.repeat(np.arange(1, 9), lengths).tolist()


@pytest.mark.parametrize("test", TESTS)
@pytest.mark.parametrize("space", SPACES)
def test_every_value(folder, test, space):
    given = {"space": space, "expression": "brain", "sessions": (1, 3)}
    plain, betas = (
        source(folder, "shared", **given).betas(SUBJECT),
        source(folder, test, **given).betas(SUBJECT),
    )
    assert betas.shape[1] == plain.shape[1]
    assert betas.block == plain.block == 30
    np.testing.assert_array_equal(betas.read(0, 60), plain.read(0, 60))
    here = folder / BETAS.format(space, f"nsd{test}")
    name = f"betas_nsd{test}"
    if space == "fsaverage":
        halves = [
            nibabel.MGHImage.from_bytes((here / f"{side}.{name}.mgh").read_bytes()) for side in ("lh", "rh")
        ]
        expected = np.nan_to_num(np.concatenate([np.asarray(half.dataobj)[:, 0, 0] for half in halves]).T)
    elif space == "nativesurface":
        files = [h5py.File(here / f"{side}.{name}.hdf5") for side in ("lh", "rh")]
        expected = np.concatenate([file["betas"][...] for file in files], axis=1)
    else:
        with h5py.File(here / f"{name}.hdf5") as file:
            mask = nibabel.load(folder / f"nsddata/ppdata/subj02/{space}/brainmask.nii.gz").get_fdata() > 0
            expected = file["betas"][...].transpose(0, 3, 2, 1)[:, mask]
    assert betas.shape[0] == 60 + len(expected)
    np.testing.assert_array_equal(betas.read(60, betas.shape[0]), expected)
    np.testing.assert_array_equal(betas.read(50, 65), np.concatenate([plain.read(50, 60), expected[:5]]))
    assert all(f"nsd{test}" in url for url in betas.files(60, 61))


def test_imagined_pictures(folder):
    images = source(folder, "imagery").images(SUBJECT)
    targets = {file.stem: file for file in imagined(folder) if file}
    count = len(images.ids)
    assert set(np.array(images.ids)[images.test]) == set(targets)
    found = images.read(0, count)
    assert found.shape == images.shape == (count, SIZE, SIZE, 3)
    with h5py.File(folder / "nsddata_stimuli/stimuli/nsd/nsd_stimuli.hdf5") as file:
        for at, name in enumerate(images.ids):
            if images.test[at]:
                np.testing.assert_array_equal(found[at], np.asarray(Image.open(targets[name]).convert("RGB")))
            else:
                np.testing.assert_array_equal(found[at], file["imgBrick"][images.nsd_id[at]])
    first = images.test.argmax()
    np.testing.assert_array_equal(images.read(first - 2, first + 3), found[first - 2 : first + 3])
    walked = list(images.walk([(first - 2, first + 3), (first + 1, first + 2), (0, 2)]))
    expected = [*found[first - 2 : first + 3], found[first + 1], *found[:2]]
    np.testing.assert_array_equal(walked, expected)
    assert images.files(0, first) == [str(folder / "nsddata_stimuli/stimuli/nsd/nsd_stimuli.hdf5")]
    assert images.files(first, first + 1) == [str(targets[images.ids[first]])]


def test_synthetic_pictures_are_the_middle_square_in_the_core_s_size(folder):
    images = source(folder, "synthetic").images(SUBJECT)
    stimuli = folder / "nsddata_stimuli/stimuli/nsdsynthetic"
    bricks = []
    for name in ("stimuli", "colorstimuli_subj02"):
        with h5py.File(stimuli / f"nsdsynthetic_{name}.hdf5") as file:
            bricks.append(file["imgBrick"][...])
    whole = np.concatenate(bricks)
    tall, wide = whole.shape[1:3]
    left = (wide - tall) // 2
    found = images.read(len(images.ids) - len(whole), len(images.ids))
    for picture, square in zip(found, whole[:, :, left : left + tall], strict=True):
        expected = Image.fromarray(square).resize((SIZE, SIZE), Image.Resampling.BICUBIC)
        np.testing.assert_array_equal(picture, np.asarray(expected))
    assert images.test.sum() == len(whole)
    assert (images.nsd_id[images.test] == -1).all()


@pytest.mark.parametrize("curated", [True, False])
def test_captions_of_pictures_that_are_nsd_s(copy, curated):
    if not curated:
        (copy / "nsddata_stimuli/stimuli/nsd/COCO_73k_annots_curated.npy").unlink()
    made = source(copy, "imagery")
    images, caption = made.images(SUBJECT), made.captions(SUBJECT).caption.values
    plain = dict(zip(images.nsd_id.tolist(), caption.tolist(), strict=True))
    said = np.array([any(row) for row in caption])
    np.testing.assert_array_equal(said, images.nsd_id >= 0)
    shared = source(copy, "shared")
    for number, row in zip(
        shared.images(SUBJECT).nsd_id, shared.captions(SUBJECT).caption.values, strict=True
    ):
        if number in plain:
            assert [text for text in plain[number] if text] == [text for text in row if text]


@pytest.mark.parametrize("test", TESTS)
def test_identity_and_stamps(folder, test):
    made, plain = source(folder, test), source(folder, "shared")
    for product in ("trials", "betas", "stimuli", "captions"):
        assert made.identity(SUBJECT, product) != plain.identity(SUBJECT, product)
        assert any(f"nsd{test}" in url and etag for url, etag in made.stamps(SUBJECT, product).items())
    assert made.identity(SUBJECT, "voxels") == plain.identity(SUBJECT, "voxels")
    betas, images = made.betas(SUBJECT), made.images(SUBJECT)
    assert set(betas.files(0, betas.shape[0])) <= set(made.stamps(SUBJECT, "betas"))
    assert set(images.files(0, len(images.ids))) <= set(made.stamps(SUBJECT, "stimuli"))
    made.check(SUBJECT)


def edit(path, change):
    table = pd.read_csv(path, sep="\t")
    change(table).to_csv(path, sep="\t", index=False)


@pytest.mark.parametrize(
    ("test", "spoil", "kind", "said"),
    [
        (
            "imagery",
            lambda root: (root / TABLE.format("imgB_1")).unlink(),
            Missing,
            "imgB_1.tsv does not exist",
        ),
        (
            "imagery",
            lambda root: edit(root / TABLE.format("imgA_2"), lambda t: t.assign(CUE="Q")),
            Invalid,
            "imgA_2.tsv has the cue 'Q', expected one of H, R, V, L, P, E",
        ),
        (
            "imagery",
            lambda root: edit(root / TABLE.format("visC"), lambda t: t.drop(columns="CUE")),
            Invalid,
            "visC.tsv has no column 'CUE'",
        ),
        (
            "imagery",
            lambda root: edit(root / TABLE.format("attB"), lambda t: t.drop(index=3)),
            Invalid,
            "TRIAL of .*attB.tsv does not count",
        ),
        (
            "imagery",
            lambda root: edit(root / TABLE.format("attB"), lambda t: t.drop(index=t.index[-1])),
            Invalid,
            "betas_nsdimagery.hdf5 holds 180 trials of .* expected 178",
        ),
        (
            "imagery",
            lambda root: shutil.rmtree(root / IMAGERY / "rawtargetimages"),
            Missing,
            "bar_000.0deg_450L_43W.png does not exist",
        ),
        (
            "imagery",
            lambda root: savemat(
                root / IMAGERY / "B_pair_list.mat",
                {"pair_list": np.array([[1, "shared0001_nsd00007.png", "W"]] * 6, object)},
            ),
            Invalid,
            "picture 1 of sharedix",
        ),
        (
            "imagery",
            lambda root: (root / IMAGERY / "A_pair_list.mat").write_bytes(b"x"),
            Invalid,
            "cannot be read",
        ),
        (
            "synthetic",
            lambda root: shutil.rmtree(root / BETAS.format("func1pt8mm", "nsdsynthetic")),
            Missing,
            "betas_nsdsynthetic.hdf5 does not exist, which data.test asks for",
        ),
        (
            "synthetic",
            lambda root: savemat(
                root / "nsddata/experiments/nsdsynthetic/nsdsynthetic_expdesign.mat",
                {"masterordering": np.array([[1.0, 15.0]])},
            ),
            Invalid,
            "masterordering of .* is 15 in trial 2, but .* hold 14 pictures",
        ),
    ],
)
def test_what_is_wrong(copy, test, spoil, kind, said):
    spoil(copy)
    with pytest.raises(kind, match=said) as told:
        source(copy, test).check(SUBJECT)
    assert "\n" not in str(told.value)
