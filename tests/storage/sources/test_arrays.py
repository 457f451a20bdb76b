"""Ready-made voxels: every format gives back what numpy wrote, and pairs rows with pictures."""

from __future__ import annotations

import hashlib
import pickle
from typing import TYPE_CHECKING

import h5py
import numpy as np
import pytest
import scipy.io
import zarr
from hypothesis import given
from hypothesis import strategies as st

from storage.errors import Missing
from storage.remote import Location
from storage.sources.arrays import ArraysSource
from storage.sources.arrays.responses import as_singles

if TYPE_CHECKING:
    from pathlib import Path

    from storage.sources import Source

FORMATS = ("npz", "v5.mat", "v73.mat", "h5", "zarr", "npy")
KEYS = {"train_voxels": "xTrain", "test_voxels": "xTest", "train_images": "yTrain", "test_images": "yTest"}


def write_mat73(path: Path, arrays: dict[str, np.ndarray]) -> None:
    """Write as MATLAB 7.3 does: after a header, axes reversed, text as codes, cells as references."""
    with h5py.File(path, "w", userblock_size=512) as file:
        for name, array in arrays.items():
            if array.dtype.kind == "U":
                cells = [
                    file.create_dataset(f"#refs#/{name}{number}", data=codes_of(text))
                    for number, text in enumerate(array.ravel(order="F"))
                ]
                for cell in cells:
                    cell.attrs["MATLAB_class"] = np.bytes_("char")
                data = np.array([cell.ref for cell in cells], h5py.ref_dtype).reshape(array.shape[::-1])
                file.create_dataset(name, data=data, dtype=h5py.ref_dtype).attrs["MATLAB_class"] = np.bytes_(
                    "cell"
                )
            else:
                logical = array.dtype == bool
                stored = file.create_dataset(name, data=array.T.astype(np.uint8) if logical else array.T)
                stored.attrs["MATLAB_class"] = np.bytes_("logical" if logical else "double")


def codes_of(text: str) -> np.ndarray:
    return np.array([[ord(letter)] for letter in text], np.uint16)


def write_zarr(path: Path, arrays: dict[str, np.ndarray]) -> None:
    group = zarr.open_group(str(path), mode="w")
    for name, array in arrays.items():
        if array.dtype.kind == "U":
            group.create_array(name, shape=array.shape, dtype="string")[...] = array
        else:
            group.create_array(name, data=array)


def write_arrays(folder: Path, form: str, arrays: dict[str, np.ndarray]) -> Location:
    """Write named arrays in a format."""
    place = folder / f"data.{form}"
    if form == "npz":
        np.savez_compressed(place, **arrays)
    elif form == "v5.mat":
        scipy.io.savemat(
            place, {k: a.astype(object) if a.dtype.kind == "U" else a for k, a in arrays.items()}
        )
    elif form == "v73.mat":
        write_mat73(place, arrays)
    elif form == "h5":
        with h5py.File(place, "w") as file:
            for name, array in arrays.items():
                file[name] = array.astype(h5py.string_dtype()) if array.dtype.kind == "U" else array
    elif form == "zarr":
        write_zarr(place, arrays)
    else:
        place = folder / "folder"
        place.mkdir()
        for name, array in arrays.items():
            np.save(place / f"{name}.npy", array)
    return Location.of(place)


def make_arrays(seed: int = 0, train: int = 7, test: int = 3, voxels: int = 5) -> dict[str, np.ndarray]:
    rng = np.random.default_rng(seed)
    return {
        "xTrain": rng.standard_normal((train, voxels)),
        "xTest": rng.standard_normal((test, voxels)),
        "yTrain": rng.integers(0, 256, (train, 4, 6, 3), np.uint8),
        "yTest": rng.integers(0, 256, (test, 4, 6, 3), np.uint8),
    }


def read_all(source: ArraysSource, subject: str = "s1") -> tuple[np.ndarray, np.ndarray]:
    betas, images = source.betas(subject), source.images(subject)
    return betas.read(0, betas.shape[0]), images.read(0, images.shape[0])


@pytest.mark.parametrize("form", FORMATS)
def test_every_format_gives_back_what_was_written(tmp_path, form):
    arrays = make_arrays()
    source: Source = ArraysSource(write_arrays(tmp_path, form, arrays), **KEYS)
    source = pickle.loads(pickle.dumps(source))
    betas, images = source.betas("s1"), pickle.loads(pickle.dumps(source.images("s1")))
    source.check("s1")
    wanted = np.concatenate([arrays["xTrain"], arrays["xTest"]]).astype(np.float32)
    seen = np.concatenate([arrays["yTrain"], arrays["yTest"]])
    assert (betas.shape, betas.dtype, betas.scale, betas.block) == ((10, 5), "float32", 1.0, 750)
    assert (images.shape, list(images.ids), images.test.tolist()) == (
        (10, 4, 6, 3),
        [str(number) for number in range(10)],
        [False] * 7 + [True] * 3,
    )
    for start, stop in ((0, 10), (0, 7), (7, 10), (5, 9), (6, 7), (9, 10)):
        np.testing.assert_array_equal(betas.read(start, stop), wanted[start:stop])
        np.testing.assert_array_equal(images.read(start, stop), seen[start:stop])
        np.testing.assert_array_equal(list(images.walk([(start, stop)])), seen[start:stop])
    assert betas.read(0, 1).dtype == np.float32
    assert images.read(0, 1).dtype == np.uint8


@given(
    train=st.integers(1, 9),
    test=st.integers(1, 9),
    voxels=st.integers(1, 7),
    cut=st.tuples(*[st.integers(0, 18)] * 2),
)
def test_any_slice_of_rows_equals_numpys(tmp_path_factory, train, test, voxels, cut):
    arrays = make_arrays(1, train, test, voxels)
    folder = tmp_path_factory.mktemp("slices")
    source = ArraysSource(write_arrays(folder, "npz", arrays), **KEYS)
    start, stop = min(cut), min(max(cut), train + test)
    wanted = np.concatenate([arrays["xTrain"], arrays["xTest"]]).astype(np.float32)[start:stop]
    np.testing.assert_array_equal(source.betas("s1").read(start, stop), wanted)


def test_without_an_index_trial_k_saw_picture_k(tmp_path):
    trials = ArraysSource(write_arrays(tmp_path, "npz", make_arrays()), **KEYS).trials("s1")
    assert trials.image_id.values.tolist() == [str(number) for number in range(10)]
    assert trials.image_id.dtype == object
    assert trials.test.values.tolist() == [False] * 7 + [True] * 3
    assert not trials.repeat.values.any()
    assert set(trials.session.values) == set(trials.run.values) == {1}
    assert {trials[name].dtype for name in ("session", "run", "repeat")} == {np.dtype(np.int16)}


@pytest.mark.parametrize("form", FORMATS)
def test_an_index_says_which_picture_each_row_saw(tmp_path, form):
    arrays = make_arrays(train=6, test=4)
    arrays |= {"yTrain": arrays["yTrain"][:3], "yTest": arrays["yTest"][:2]}
    arrays |= {"iTrain": np.array([[2.0, 0, 2, 1, 2, 0]]).T, "iTest": np.array([[1, 1, 0, 1]])}
    source = ArraysSource(
        write_arrays(tmp_path, form, arrays), **KEYS, train_index="iTrain", test_index="iTest"
    )
    trials = source.trials("s1")
    assert trials.image_id.values.tolist() == ["2", "0", "2", "1", "2", "0", "4", "4", "3", "4"]
    assert trials.repeat.values.tolist() == [0, 0, 1, 0, 2, 1, 0, 1, 0, 2]
    assert source.images("s1").shape[0] == 5


@pytest.mark.parametrize("dtype", ["f2", "f4", "f8", ">f8", "i1", "i4", "u2", "i8"])
def test_any_real_numbers_become_float32(tmp_path, dtype):
    arrays = make_arrays()
    arrays |= {
        key: (50 * arrays[key]).astype(np.int64).clip(0, 100).astype(dtype) for key in ("xTrain", "xTest")
    }
    voxels, _ = read_all(ArraysSource(write_arrays(tmp_path, "npz", arrays), **KEYS))
    np.testing.assert_array_equal(
        voxels, np.concatenate([arrays["xTrain"], arrays["xTest"]]).astype(np.float32)
    )
    assert as_singles(arrays["xTrain"]).dtype == np.float32


@pytest.mark.parametrize("form", FORMATS)
def test_labels_and_captions_are_text_in_every_format(tmp_path, form):
    arrays = make_arrays(train=3, test=2)
    arrays |= {"lTrain": np.array([[6.0], [9.0], [6.5]]), "lTest": np.array([[1], [2]])}
    arrays |= {
        "cTrain": np.array([["a six", "6"], ["a nine", "9"], ["näh", "x"]]),
        "cTest": np.array([["p"], ["q"]]),
    }
    named = {
        f"{split}_{what}": f"{what[0]}{split.title()}"
        for split in ("train", "test")
        for what in ("labels", "captions")
    }
    source = ArraysSource(write_arrays(tmp_path, form, arrays), **KEYS, **named)
    assert source.labels("s1").label.values.tolist() == ["6", "9", "6.5", "1", "2"]
    captions = source.captions("s1").caption
    assert captions.dims == ("image", "slot")
    assert captions.dtype == object
    assert captions.values.tolist() == [["a six", "6"], ["a nine", "9"], ["näh", "x"], ["p", ""], ["q", ""]]
    source.check("s1")


def test_characters_of_matlab_are_one_string_a_row(tmp_path):
    arrays = make_arrays(train=2, test=1)
    scipy.io.savemat(tmp_path / "v5.mat", arrays | {"names": np.array(["six", "nine"])})
    write_mat73(tmp_path / "v73.mat", arrays)
    with h5py.File(tmp_path / "v73.mat", "a") as file:
        file["names"] = np.stack([codes_of("six ")[:, 0], codes_of("nine")[:, 0]], axis=1)
        file["names"].attrs["MATLAB_class"] = "char"
    for name in ("v5.mat", "v73.mat"):
        source = ArraysSource(Location.of(tmp_path / name), **KEYS, train_labels="names")
        assert source.labels("s1").label.values.tolist() == ["six", "nine", ""]
    assert source.captions("s1") is None
    assert ArraysSource(Location.of(tmp_path / "v5.mat"), **KEYS).labels("s1") is None


def test_voxels_have_places_or_numbers(tmp_path):
    arrays = make_arrays() | {"ijk": np.arange(15.0).reshape(5, 3)}
    place = write_arrays(tmp_path, "npz", arrays)
    voxels = ArraysSource(place, **KEYS, voxel_ijk="ijk").voxels("s1")
    assert [voxels[axis].values.tolist() for axis in "ijk"] == [
        list(range(start, 15, 3)) for start in range(3)
    ]
    voxels = ArraysSource(place, **KEYS).voxels("s1")
    assert voxels.i.values.tolist() == [0, 1, 2, 3, 4]
    assert not voxels.j.values.any()
    assert {voxels[axis].dtype for axis in "ijk"} == {np.dtype(np.int32)}
    assert voxels.in_roi.sel(roi="brain").values.all()
    assert np.isnan(voxels.noise_ceiling.values).all()
    assert voxels.noise_ceiling.dtype == np.float32


@pytest.mark.parametrize("form", ["h5", "zarr", "npy"])
def test_keys_may_be_paths_and_name_the_subject(tmp_path, form):
    deep = {
        f"s1/brain/{key}" if key.startswith("x") else f"seen/{key}": array
        for key, array in make_arrays().items()
    }
    if form == "npy":
        for key, array in deep.items():
            (tmp_path / "folder" / key).parent.mkdir(parents=True, exist_ok=True)
            np.save(tmp_path / "folder" / f"{key}.npy", array)
        place = Location.of(tmp_path / "folder")
    else:
        place = write_arrays(tmp_path, form, deep)
    keys = {role: ("{subject}/brain/" if "voxels" in role else "seen/") + key for role, key in KEYS.items()}
    source = ArraysSource(place, **keys)
    np.testing.assert_array_equal(read_all(source)[1][:7], deep["seen/yTrain"])
    assert source.identity("s1", "betas")["arrays"]["train_voxels"] == "s1/brain/xTrain"
    assert source.picture_owner("s1") == "all"


def test_each_subject_may_have_a_file(tmp_path):
    for number in (1, 2):
        np.savez(tmp_path / f"s{number}.npz", **make_arrays(number))
    source = ArraysSource(Location.of(tmp_path / "{subject}.npz"), **KEYS)
    assert not np.array_equal(read_all(source, "s1")[0], read_all(source, "s2")[0])
    assert source.identity("s1", "betas")["sha256"] != source.identity("s2", "betas")["sha256"]
    with pytest.raises(Missing, match=r"s3\.npz does not exist"):
        source.trials("s3")


@pytest.mark.parametrize("form", ["npz", "v5.mat", "v73.mat", "h5"])
def test_identity_is_the_files_content_not_its_place(tmp_path, form):
    place = write_arrays(tmp_path, form, make_arrays())
    moved = place.local.rename(tmp_path / f"elsewhere{place.suffix}")
    source = ArraysSource(Location.of(moved), **KEYS)
    digest = hashlib.sha256(moved.read_bytes()).hexdigest()
    assert source.identity("s1", "betas")["sha256"] == {".": digest}
    assert source.stamps("s1", "betas") == {moved.name: f"sha256:{digest[:16]}"}
    assert "elsewhere" not in repr(source.identity("s1", "betas"))
    assert source.identity("s1", "betas")["dataset"] == "arrays"


def test_a_changed_file_has_another_identity_in_the_same_process(tmp_path):
    place = write_arrays(tmp_path, "npz", make_arrays())
    source = ArraysSource(place, **KEYS)
    before, voxels = source.identity("s1", "betas"), read_all(source)[0]
    write_arrays(tmp_path, "npz", make_arrays(5))
    assert source.identity("s1", "betas") != before
    assert not np.array_equal(read_all(source)[0], voxels)


def test_in_a_folder_of_npy_only_named_files_count_and_pictures_count_apart(tmp_path):
    place = write_arrays(tmp_path, "npy", make_arrays())
    source = ArraysSource(place, **KEYS)
    both, seen = source.identity("s1", "betas"), source.identity("s1", "stimuli")
    assert set(source.stamps("s1", "betas")) == {f"{key}.npy" for key in KEYS.values()}
    np.save(place.local / "other.npy", np.zeros(3))
    assert source.identity("s1", "betas") == both
    np.save(place.local / "xTrain.npy", np.ones((7, 5)))
    assert source.identity("s1", "betas") != both
    assert source.identity("s1", "stimuli") == seen


def test_in_a_zarr_folder_only_named_arrays_count(tmp_path):
    place = write_arrays(tmp_path, "zarr", make_arrays())
    source = ArraysSource(place, **KEYS)
    both, seen = source.identity("s1", "betas"), source.identity("s1", "stimuli")
    zarr.open_group(str(place), mode="a").create_array("other", data=np.zeros(3))
    assert source.identity("s1", "betas") == both
    zarr.open_group(str(place), mode="a")["xTrain"][0, 0] = 99.0
    assert source.identity("s1", "betas") != both
    assert source.identity("s1", "stimuli") == seen
    assert set(source.stamps("s1", "betas")) == {"data.zarr"}


def test_zarr_format_2_is_read_too(tmp_path):
    arrays = make_arrays()
    group = zarr.open_group(str(tmp_path / "old.zarr"), mode="w", zarr_format=2)
    for name, array in arrays.items():
        group.create_array(name, data=array)
    voxels, _ = read_all(ArraysSource(Location.of(tmp_path / "old.zarr"), **KEYS))
    np.testing.assert_array_equal(voxels[:7], arrays["xTrain"].astype(np.float32))


def test_real_digits(real_data):
    file = real_data / "vangerven_digits69" / "digit69_28x28.mat"
    if not file.is_file():
        pytest.skip(f"{file} is not there")
    keys = {
        "train_voxels": "fmriTrn",
        "test_voxels": "fmriTest",
        "train_images": "stimTrn",
        "test_images": "stimTest",
    }
    named = {"train_labels": "labelTrn", "test_labels": "labelTest"}
    source = ArraysSource(Location.of(file), **keys, **named, image_shape=(28, 28), image_order="F")
    source.check("s1")
    raw = scipy.io.loadmat(file)
    assert source.betas("s1").shape == (100, 3092)
    assert source.images("s1").shape == (100, 28, 28, 1)
    np.testing.assert_array_equal(
        source.images("s1").read(90, 91)[0, ..., 0], raw["stimTest"][0].reshape(28, 28).T
    )
    np.testing.assert_array_equal(source.betas("s1").read(89, 90)[0], raw["fmriTrn"][89].astype(np.float32))
    assert set(source.labels("s1").label.values) == {"1", "2"}
