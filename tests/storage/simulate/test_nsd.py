"""A simulated NSD release: every file as h5py, nibabel, scipy and pandas read NSD's own."""

from __future__ import annotations

import gzip
import hashlib
import tomllib

import h5py
import nibabel
import numpy as np
import pandas as pd
import pytest
from PIL import Image
from scipy.io import loadmat

from storage.remote import Location
from storage.simulate.nsd import simulate_nsd
from storage.simulate.nsd.shelf import Shelf
from storage.simulate.recipe import SIGN
from storage.simulate.scenes import draw_scene

SMALL = {"subjects": 2, "grid": (10, 13, 8), "images": 30, "size": 16}
TRIALS, SESSIONS, ROWS = 30, 3, 120
BETAS = "nsddata_betas/ppdata/{}/func1pt8mm/betas_fithrf_GLMdenoise_RR"
ATLASES = ("nsdgeneral", "prf-visualrois", "streams", "floc-faces")


def digests(folder) -> dict[str, str]:
    files = [file for file in folder.rglob("*") if file.is_file()]
    return {str(file.relative_to(folder)): hashlib.sha256(file.read_bytes()).hexdigest() for file in files}


def volume(path) -> np.ndarray:
    return np.asarray(nibabel.load(path).dataobj)


def session_hdf5(folder, subject, session) -> np.ndarray:
    with h5py.File(folder / BETAS.format(subject) / f"betas_session{session:02}.hdf5") as file:
        return file["betas"][...]


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    folder = tmp_path_factory.mktemp("nsd")
    return folder, simulate_nsd(folder, **SMALL, seed=3)


@pytest.fixture(scope="module")
def folder(made):
    return made[0]


@pytest.fixture(scope="module")
def functional(folder):
    return folder / "nsddata/ppdata/subj01/func1pt8mm"


@pytest.fixture(scope="module")
def design(folder):
    return loadmat(folder / "nsddata/experiments/nsd/nsd_expdesign.mat")


@pytest.fixture(scope="module")
def info(folder):
    return pd.read_csv(folder / "nsddata/experiments/nsd/nsd_stim_info_merged.csv")


def test_the_files_are_those_of_nsd(folder):
    found = {str(file.relative_to(folder)) for file in folder.rglob("*") if file.is_file()}
    expected = {
        *("README.txt", "recipe.toml", "truth.npz"),
        "nsddata/experiments/nsd/nsd_expdesign.mat",
        "nsddata/experiments/nsd/nsd_stim_info_merged.csv",
        "nsddata_stimuli/stimuli/nsd/nsd_stimuli.hdf5",
        "nsddata_stimuli/stimuli/nsd/COCO_73k_annots_curated.npy",
    }
    for subject in ("subj01", "subj02"):
        data, betas = f"nsddata/ppdata/{subject}", BETAS.format(subject)
        expected |= {f"{data}/behav/responses.tsv"}
        expected |= {f"{data}/func1pt8mm/{name}.nii.gz" for name in ("brainmask", "mean")}
        expected |= {f"{betas}/{name}.nii.gz" for name in ("ncsnr", "meanbeta")}
        for atlas in ATLASES:
            expected |= {f"{data}/func1pt8mm/roi/{half}{atlas}.nii.gz" for half in ("", "lh.", "rh.")}
            expected |= {f"nsddata/freesurfer/{subject}/label/{atlas}.mgz.ctab"}
        for session in ("session01", "session02", "session03"):
            expected |= {f"{data}/func1pt8mm/valid_{session}.nii.gz", f"{betas}/betas_{session}.hdf5"}
            expected |= {f"{betas}/betas_{session}.nii.gz", f"{betas}/meanbeta_{session}.nii.gz"}
    assert found == expected


def test_what_was_made_is_told(made, functional):
    folder, told = made
    assert told.recipe == Location.of(folder / "recipe.toml")
    assert (told.subjects, told.trials, told.images, told.test_images) == (("subj01", "subj02"), 90, 30, 3)
    assert told.voxels == (volume(functional / "roi/nsdgeneral.nii.gz") > 0).sum()
    assert told.nbytes == sum(file.stat().st_size for file in folder.rglob("*") if file.is_file())


def test_the_readme_and_the_recipe_say_that_it_is_simulated(folder):
    assert (folder / "README.txt").read_text().startswith(SIGN)
    text = (folder / "recipe.toml").read_text()
    assert text.startswith("# Simulated data.")
    recipe = tomllib.loads(text)
    assert {key: recipe["data"][key] for key in ("dataset", "source", "archive", "voxels")} == {
        "dataset": "nsd",
        "source": ".",
        "archive": "archive",
        "voxels": "nsdgeneral",
    }
    assert recipe["data"]["subjects"] == ["subj01", "subj02"]
    assert set(recipe["features"]) == set(recipe["ridge"]["spaces"]) == {"pixels", "pca", "words"}
    assert recipe["features"]["pca"] == {"model": "pca", "size": 16, "components": 26}
    assert set(recipe["images"]) == set(recipe["scores"]) == {"pixels", "pca"}


def test_the_design_counts_from_one_in_doubles(design):
    assert {name: design[name].shape for name in design if not name.startswith("__")} == {
        "masterordering": (1, 90),
        "subjectim": (8, 36),
        "sharedix": (1, 3),
        "basiccnt": (3, SESSIONS),
        "stimpattern": (SESSIONS, 12, 15),
    }
    assert all(design[name].dtype == np.float64 for name in design if not name.startswith("__"))
    lists = design["subjectim"].astype(int)
    assert 1 <= lists.min() < lists.max() <= ROWS
    assert all(len(set(listed)) == 36 for listed in lists)
    assert (np.sort(lists[:, :3]) == design["sharedix"]).all()  # the shared ones first, in any order
    assert not set(lists[0, 3:]) & set(design["sharedix"][0])
    order = design["masterordering"][0].astype(int)
    entries, times = np.unique(order, return_counts=True)
    assert (len(entries), set(times), order.min()) == (30, {3}, 1)
    assert {1, 2, 3} <= set(entries)
    assert order.max() > 30  # six entries are never shown
    assert len(set(lists[0, entries - 1]) & set(lists[1, entries - 1])) == 3
    assert (np.arange(1, 4) @ design["basiccnt"] == TRIALS).all()


def test_runs_share_out_the_trials(folder, design):
    behaviour = pd.read_csv(folder / "nsddata/ppdata/subj01/behav/responses.tsv", sep="\t")
    runs = behaviour.groupby(["SESSION", "RUN"]).size().unstack()
    assert (design["stimpattern"].sum(axis=2) == runs).all(axis=None)
    assert set(runs.to_numpy().ravel()) == {2, 3}
    trial = behaviour.groupby(["SESSION", "RUN"]).TRIAL.apply(list)
    assert all(numbers == list(range(1, len(numbers) + 1)) for numbers in trial)


def test_ids_agree_between_design_table_and_behaviour(folder, design, info):
    shown = {}
    for subject in (1, 2):
        behaviour = pd.read_csv(folder / f"nsddata/ppdata/subj{subject:02}/behav/responses.tsv", sep="\t")
        order = design["masterordering"][0].astype(int)
        np.testing.assert_array_equal(behaviour["10KID"], order)
        np.testing.assert_array_equal(behaviour["73KID"], design["subjectim"][subject - 1, order - 1])
        for repeat in range(3):
            trials = info[f"subject{subject}_rep{repeat}"]
            rows = info.nsdId[trials > 0]
            np.testing.assert_array_equal(behaviour["73KID"][trials[trials > 0] - 1] - 1, rows)
        seen = info.nsdId[info[f"subject{subject}"] == 1]
        assert set(seen + 1) == set(behaviour["73KID"])
        shown[subject] = set(seen)
    assert shown[1] & shown[2] == set(info.nsdId[info.shared1000])
    assert set(info.nsdId[info.shared1000] + 1) == set(design["sharedix"][0])


def test_the_table_has_nsds_columns_and_a_row_each_picture(info):
    assert info.columns[:9].tolist() == [
        *(
            "Unnamed: 0",
            "cocoId",
            "cocoSplit",
            "cropBox",
            "loss",
            "nsdId",
            "flagged",
            "BOLD5000",
            "shared1000",
        )
    ]
    assert info.columns[9:17].tolist() == [f"subject{subject}" for subject in range(1, 9)]
    assert info.columns[-3:].tolist() == ["subject8_rep0", "subject8_rep1", "subject8_rep2"]
    assert info.nsdId.tolist() == info.iloc[:, 0].tolist() == list(range(ROWS))
    assert info.shared1000.dtype == bool
    assert set(info.cocoSplit) <= {"train2017", "val2017"}
    assert info.cocoId.is_unique
    never = info.filter(regex=r"^subject\d$").sum(axis=1) == 0
    assert never.sum() >= ROWS // 20
    repeats = info[[f"subject1_rep{repeat}" for repeat in range(3)]].to_numpy()
    assert (np.diff(repeats[repeats[:, 0] > 0], axis=1) > 0).all()


def test_behaviour_has_nsds_columns_and_gaps(folder):
    behaviour = pd.read_csv(folder / "nsddata/ppdata/subj02/behav/responses.tsv", sep="\t")
    assert " ".join(behaviour.columns) == (
        "SUBJECT SESSION RUN TRIAL 73KID 10KID TIME ISOLD ISCORRECT RT CHANGEMIND MEMORYRECENT MEMORYFIRST "
        "ISOLDCURRENT ISCORRECTCURRENT TOTAL1 TOTAL2 BUTTON MISSINGDATA"
    )
    assert set(behaviour.SUBJECT) == {2}
    assert behaviour.TIME.is_monotonic_increasing
    lost = behaviour.MISSINGDATA == 1
    assert set(zip(behaviour.SESSION[lost], behaviour.RUN[lost], strict=True)) == {(3, 3)}
    assert behaviour.BUTTON[lost].isna().all()
    assert set(behaviour.BUTTON.dropna()) == {1, 2}
    assert (behaviour.BUTTON.isna() == behaviour.RT.isna()).all()
    first = ~behaviour["73KID"].duplicated()
    assert (~first == behaviour.ISOLD).all()
    assert (behaviour.MEMORYRECENT.isna() == first).all()
    again = behaviour.groupby(["SESSION", "73KID"]).cumcount() > 0
    assert (again == behaviour.ISOLDCURRENT).all()


@pytest.mark.parametrize("subject", ["subj01", "subj02"])
def test_both_formats_hold_the_same_betas(folder, subject):
    for session in (1, 2, 3):
        path = folder / BETAS.format(subject) / f"betas_session{session:02}"
        with h5py.File(path.with_name(f"{path.name}.hdf5")) as file:
            betas = file["betas"]
            assert (betas.shape, betas.dtype) == ((TRIALS, 8, 13, 10), np.int16)
            assert (betas.chunks, betas.compression) == ((TRIALS, 1, 1, 1), None)
            assert betas.id.get_num_chunks() == 8 * 13 * 10
            values = betas[...]
        image = nibabel.load(path.with_name(f"{path.name}.nii.gz"))
        assert (image.shape, image.get_data_dtype()) == ((10, 13, 8, TRIALS), np.int16)
        assert image.dataobj.offset == 352
        assert (image.dataobj.slope, image.dataobj.inter) == (1, 0)
        np.testing.assert_array_equal(values.transpose(3, 2, 1, 0), np.asarray(image.dataobj))
        mean = volume(folder / BETAS.format(subject) / f"meanbeta_session{session:02}.nii.gz")
        np.testing.assert_allclose(values.mean(axis=0).T / 300, mean, rtol=1e-5, atol=1e-6)


def test_betas_are_zero_where_nothing_is_valid(folder, functional):
    brain = volume(functional / "brainmask.nii.gz")
    assert set(np.unique(brain)) == {0, 1}
    invalid = []
    for session in (1, 2, 3):
        betas = session_hdf5(folder, "subj01", session).transpose(3, 2, 1, 0)
        valid = volume(functional / f"valid_session{session:02}.nii.gz")
        np.testing.assert_array_equal(valid == 1, (betas != 0).any(axis=3))
        invalid.append((brain == 1) & (valid == 0))
    visual = volume(functional / "roi/nsdgeneral.nii.gz") > 0
    assert all(dead.any() and (dead & visual).any() for dead in invalid)
    assert not np.all(invalid, axis=0).any()  # each works in other sessions


def test_a_few_voxels_saturate(folder, functional):
    betas = session_hdf5(folder, "subj01", 1).T.astype(int)
    saturated = ((betas == 32767) | (betas == -32768)).any(axis=3)
    assert 1 <= saturated.sum() <= 4
    assert (saturated & (volume(functional / "roi/nsdgeneral.nii.gz") > 0)).any()
    assert (betas.min(), betas.max()) == (-32768, 32767)


def test_regions_are_labelled(folder, functional):
    brain = volume(functional / "brainmask.nii.gz") == 1
    for atlas in ATLASES:
        whole, left, right = (volume(functional / f"roi/{half}{atlas}.nii.gz") for half in ("", "lh.", "rh."))
        table = folder / f"nsddata/freesurfer/subj01/label/{atlas}.mgz.ctab"
        names = dict(line.split(" ") for line in table.read_text().splitlines())
        assert names["0"] == "Unknown"
        assert whole.dtype.kind == "i"
        assert {-1, 0, 1} <= set(np.unique(whole)) <= {-1, *map(int, names)} or atlas == "nsdgeneral"
        assert brain[whole >= 0].all()
        np.testing.assert_array_equal(np.maximum(left, right), whole)
        assert not ((left >= 0) & (right >= 0)).any()
        assert (np.argwhere(left >= 0)[:, 0] < 5).all()  # x runs from left to right
    visual = volume(functional / "roi/nsdgeneral.nii.gz")
    assert set(np.unique(visual)) == {-1, 0, 1}
    for atlas in ATLASES[1:]:
        assert (visual[volume(functional / f"roi/{atlas}.nii.gz") > 0] == 1).all()
    assert (volume(functional / "roi/streams.nii.gz")[visual == 1] > 0).all()


def test_volumes_share_grid_and_affine(functional, folder):
    betas = folder / BETAS.format("subj01")
    files = [*functional.rglob("*.nii.gz"), betas / "ncsnr.nii.gz", betas / "betas_session01.nii.gz"]
    images = [nibabel.load(file) for file in files]
    assert {image.shape[:3] for image in images} == {(10, 13, 8)}
    np.testing.assert_allclose(images[0].header.get_zooms(), 1.8, rtol=1e-6)
    for image in images:
        np.testing.assert_array_equal(image.affine, images[0].affine)
    mean = volume(functional / "mean.nii.gz")
    np.testing.assert_array_equal(mean > 0, volume(functional / "brainmask.nii.gz") == 1)
    middle = mean[mean > 0].mean(), mean[:, :, :4][mean[:, :, :4] > 0].mean()
    assert middle[1] < middle[0]  # brighter further up: an axis in the wrong place would show


def test_pictures_and_captions_lie_by_their_number(folder):
    with h5py.File(folder / "nsddata_stimuli/stimuli/nsd/nsd_stimuli.hdf5") as file:
        brick = file["imgBrick"]
        assert (brick.shape, brick.dtype, brick.chunks) == ((ROWS, 16, 16, 3), np.uint8, None)
        assert brick.id.get_offset() == 2048
        pictures = brick[...]
    captions = np.load(folder / "nsddata_stimuli/stimuli/nsd/COCO_73k_annots_curated.npy")
    assert (captions.shape, captions.dtype) == ((ROWS, 5), np.dtype("<U250"))
    assert len({picture.tobytes() for picture in pictures}) == ROWS
    assert (captions == "").any()
    assert (captions != "").any(axis=1).all()
    for number in (0, 63, 64, ROWS - 1):
        scene = draw_scene(3, number, 16)
        np.testing.assert_array_equal(pictures[number], scene.picture)
        said = set(scene.caption.replace(",", "").split()) - {"a", "an", "and", "on", "ground"}
        assert all(said <= set(caption.split()) for caption in captions[number] if caption)
    assert all(len(set(said) - {""}) == sum(said != "") for said in captions)


def test_simple_pictures_hold_one_shape(tmp_path):
    simulate_nsd(tmp_path, **SMALL, seed=3, simple=True, extras=["imagery"])
    with h5py.File(tmp_path / "nsddata_stimuli/stimuli/nsd/nsd_stimuli.hdf5") as file:
        pictures = file["imgBrick"][...]
    np.testing.assert_array_equal(pictures[7], draw_scene(3, 7, 16, simple=True).picture)
    captions = np.load(tmp_path / "nsddata_stimuli/stimuli/nsd/COCO_73k_annots_curated.npy")
    assert not any(" and " in caption for caption in captions.ravel())
    imagined = next(tmp_path.rglob("shared0001_nsd*.png"))  # one of these pictures, by its 1-based number
    number = int(imagined.stem.rpartition("nsd")[2]) - 1
    np.testing.assert_array_equal(np.asarray(Image.open(imagined)), pictures[number])


def test_the_same_arguments_write_the_same_bytes(tmp_path, made, monkeypatch):
    simulate_nsd(tmp_path / "a", **SMALL, seed=5)
    monkeypatch.setattr("time.time", lambda: 2e9)
    (tmp_path / "a/nsddata_betas/ppdata/subj01/stale").write_text("of an older, larger release")
    simulate_nsd(tmp_path / "a", **SMALL, seed=3)  # over the first
    assert digests(tmp_path / "a") == digests(made[0])
    simulate_nsd(tmp_path / "b", **SMALL, seed=4)
    mine, other = digests(tmp_path / "b"), digests(made[0])
    same = {name for name in mine if mine[name] == other[name]}
    assert {name for name in same if "betas_session" in name or "expdesign" in name} == set()


def test_no_file_tells_the_time(folder):
    header = (folder / "nsddata/experiments/nsd/nsd_expdesign.mat").read_bytes()[:116]
    assert header.strip() == b"MATLAB 5.0 MAT-file, simulated data written by vox2pix"
    packed = (folder / BETAS.format("subj01") / "ncsnr.nii.gz").read_bytes()
    assert packed[4:8] == b"\0" * 4
    assert gzip.decompress(packed)[344:348] == b"n+1\0"


def test_it_can_be_written_to_s3(s3_server, s3_bucket, made):
    target = Location.of(f"s3://{s3_bucket}/made", {"endpoint_url": s3_server})
    told = simulate_nsd(target, **SMALL, seed=3)
    recipe = told.recipe.read()
    assert tomllib.loads(recipe.decode())["data"]["source"] == f"s3://{s3_bucket}/made"
    here = digests(made[0])
    there = {name: hashlib.sha256((target / name).read()).hexdigest() for name, _ in target.files()}
    assert {name for name in there if there[name] != here[name]} == {"recipe.toml"}
    assert set(there) == set(here)


def test_a_folder_with_something_else_is_left_alone(tmp_path):
    (tmp_path / "nsddata").mkdir()
    (tmp_path / "nsddata/real.txt").write_text("do not lose")
    with pytest.raises(ValueError, match="holds no simulated release: name a new folder"):
        simulate_nsd(tmp_path, **SMALL)
    assert [file.name for file in tmp_path.rglob("*")] == ["nsddata", "real.txt"]


def test_what_is_interrupted_leaves_no_recipe_and_no_half_file(tmp_path, monkeypatch):
    simulate_nsd(tmp_path, **SMALL)

    def stop(*args):
        raise KeyboardInterrupt

    monkeypatch.setattr("storage.simulate.nsd.volume_spaces.write_betas_nifti", stop)
    with pytest.raises(KeyboardInterrupt):
        simulate_nsd(tmp_path, **SMALL)
    assert not (tmp_path / "recipe.toml").exists()
    assert not list(tmp_path.rglob("*.partial"))
    monkeypatch.undo()
    simulate_nsd(tmp_path, **SMALL)


def test_a_shelf_counts_what_is_put_there(tmp_path):
    shelf = Shelf(Location.of(tmp_path))
    shelf.put("a/b", b"123")
    with shelf.file("c") as path:
        path.write_bytes(b"45")
    assert (shelf.nbytes, (tmp_path / "c").read_bytes()) == (5, b"45")


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (
            {"trials": 29},
            "3 sessions of 29 trials are too few to show 30 images 3 times: use at least 30 trials",
        ),
        ({"trials": 200}, "600 trials would show 200 pictures, of which there are 120: use fewer trials"),
        ({"trials": 32768, "images": 30000}, "32768 trials a session are more than a NIfTI file can hold"),
        ({"images": 9}, "use 10 images or more"),
        ({"sessions": 0}, "0 sessions"),
        ({"subjects": 0}, "0 subjects"),
        ({"subjects": 9}, "9 subjects of seed 0 cannot be simulated: use 1 to 8"),
        ({"seed": -1}, "seed of 0 or more"),
        ({"size": 7}, "use a size of at least 8"),
        ({"grid": (3, 0, 3)}, "3 x 0 x 3 cannot be written"),
        ({"grid": (3, 40000, 3)}, "each count must be 1 to 32767"),
        ({"size": 10**6}, r"about 16\.0 TB of memory, .*: use fewer or smaller images"),
    ],
)
def test_numbers_that_do_not_go_together_write_nothing(tmp_path, change, said):
    with pytest.raises(ValueError, match=said):
        simulate_nsd(tmp_path / "new", **{**SMALL, **change})
    assert not (tmp_path / "new").exists()


@pytest.mark.parametrize(
    "change",
    [
        {"grid": (1, 1, 1)},
        {"grid": (2, 1, 3), "sessions": 1},
        {"grid": (3, 4, 5), "subjects": 8, "images": 10},
        {"sessions": 30, "images": 10},
        {"trials": 35},
    ],
)
def test_odd_sizes_are_written_too(tmp_path, change):
    told = simulate_nsd(tmp_path, **{**SMALL, "grid": (4, 4, 4), "subjects": 1, "size": 8, **change})
    assert told.voxels >= 1
    with h5py.File(tmp_path / BETAS.format("subj01") / "betas_session01.hdf5") as file:
        trials = file["betas"].shape[0]
        assert file["betas"][...].any()
    behaviour = pd.read_csv(tmp_path / "nsddata/ppdata/subj01/behav/responses.tsv", sep="\t")
    assert set(behaviour.groupby("SESSION").size()) == {trials}
    assert behaviour["73KID"].nunique() == told.images
    assert behaviour.MISSINGDATA.any()
