"""Bad input gets one line that says what was found, what was expected, and what to do."""

from __future__ import annotations

import pickle

import h5py
import numpy as np
import pytest
import scipy.io
import scipy.sparse
import zarr

from storage.errors import Invalid, Missing
from storage.remote import Location
from storage.sources.arrays import ArraysSource

KEYS = {"train_voxels": "xTrain", "test_voxels": "xTest", "train_images": "yTrain", "test_images": "yTest"}


def good() -> dict[str, np.ndarray]:
    rng = np.random.default_rng(0)
    return {
        "xTrain": rng.standard_normal((7, 5)),
        "xTest": rng.standard_normal((3, 5)),
        "yTrain": rng.integers(0, 256, (7, 4, 4), np.uint8),
        "yTest": rng.integers(0, 256, (3, 4, 4), np.uint8),
    }


def refused(path, match, kind=Invalid, **keys) -> str:
    """Check a source, and return the one line with which it is refused."""
    with pytest.raises(kind, match=match) as caught:
        ArraysSource(Location.of(path), **{**KEYS, **keys}).check("s1")
    assert "\n" not in str(caught.value)
    assert type(pickle.loads(pickle.dumps(caught.value))) is kind
    return str(caught.value)


def spoilt(value, row=2, column=3) -> np.ndarray:
    voxels = good()["xTrain"]
    voxels[row, column] = value
    return voxels


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"xTrain": spoilt(np.nan)}, "holds 1 numbers .* voxel 3 .column 3 of xTrain., row 2 is nan"),
        ({"xTrain": spoilt(-np.inf)}, "row 2 is -inf"),
        ({"xTrain": spoilt(1e300)}, r"row 2 is 1e\+300"),
        ({"xTest": np.full((3, 5), np.nan)}, "'xTest' of .* holds 15 numbers .* and 10 more"),
        ({"xTrain": good()["xTrain"] * 1j}, "holds complex numbers .complex128., expected real numbers"),
        ({"xTrain": good()["xTrain"].astype(str)}, "holds text"),
        ({"xTrain": good()["xTrain"] > 0}, "holds true and false"),
        ({"xTrain": good()["xTrain"].T}, r"xTrain' of .* has shape \(5, 7\)"),
        ({"xTrain": np.ones((3, 7)), "xTest": np.ones((3, 5))}, "both look transposed"),
        ({"xTrain": np.ones((5, 7)), "xTest": np.ones((5, 7))}, "the voxels look transposed"),
        (
            {"xTest": np.ones((3, 6))},
            r"\(7, 5\) and 'xTest' \(3, 6\), expected .row, voxel. with equally many",
        ),
        ({"xTrain": np.ones(7)}, r"has shape \(7,\), expected \(row, voxel\)"),
        ({"xTrain": np.ones((7, 5, 1))}, r"has shape \(7, 5, 1\), expected \(row, voxel\)"),
        ({"xTrain": np.ones((0, 5))}, r"has shape \(0, 5\), expected \(row, voxel\) with at least one"),
        ({"xTrain": np.ones((7, 0)), "xTest": np.ones((3, 0))}, "with at least one of each"),
        (
            {"xTrain": np.ones((8, 5))},
            r"\(8, 5\), expected \(row, voxel\) with 7 rows, one for each picture of 'yTrain'",
        ),
        ({"yTest": np.ones((4, 4, 4), np.uint8)}, r"'xTest' of .* \(3, 5\), .* 4 rows"),
    ],
)
def test_arrays_that_do_not_fit(tmp_path, change, said):
    np.savez(tmp_path / "data.npz", **(good() | change))
    refused(tmp_path / "data.npz", said)


@pytest.mark.parametrize(
    ("index", "said"),
    [
        ([0, 1, 2, 3, 4, 5, 7], "'index' of data.npz is 7 in row 6, expected a whole number from 0 to 6"),
        ([-1, 1, 2, 3, 4, 5, 6], "is -1 in row 0"),
        ([0, 1.5, 2, 3, 4, 5, 6], "is 1.5 in row 1"),
        ([0, np.nan, 2, 3, 4, 5, 6], "is nan in row 1"),
        ([0, 1], r"has shape \(2,\), expected \(7,\)"),
        (np.zeros((7, 7)), r"has shape \(7, 7\), expected \(7,\)"),
        (["a"] * 7, "holds text"),
    ],
)
def test_an_index_that_points_nowhere(tmp_path, index, said):
    np.savez(tmp_path / "data.npz", **good(), index=np.array(index))
    refused(tmp_path / "data.npz", said, train_index="index")


@pytest.mark.parametrize(
    ("places", "said"),
    [
        (np.zeros((3, 5)), r"has shape \(3, 5\), expected \(5, 3\)"),
        (np.full((5, 3), 0.5), "not whole"),
        (np.full((5, 3), np.nan), "not whole"),
        (np.full((5, 3), 3e9), "not whole"),
        (np.full((5, 3), "a"), "holds text"),
    ],
)
def test_places_that_are_none(tmp_path, places, said):
    np.savez(tmp_path / "data.npz", **good(), places=places)
    refused(tmp_path / "data.npz", said, voxel_ijk="places")


def test_a_voxel_without_numbers_is_named_by_its_place(tmp_path):
    np.savez(tmp_path / "data.npz", **(good() | {"xTrain": spoilt(np.nan)}), at=np.arange(15).reshape(5, 3))
    said = r"voxel 3 at i 9, j 10, k 11 \(column 3 of xTrain\), row 2 is nan"
    refused(tmp_path / "data.npz", said, voxel_ijk="at")


def test_words_that_do_not_pair_up(tmp_path):
    np.savez(tmp_path / "data.npz", **good(), few=np.array(["a", "b"]), hot=np.eye(7))
    refused(
        tmp_path / "data.npz",
        r"'few' of .* has shape \(2,\), expected one entry for each of 7",
        train_captions="few",
    )
    refused(tmp_path / "data.npz", "have 7 entries an image, expected one", train_labels="hot")


def write(folder, form):
    path = folder / f"data.{form}"
    if form == "npz":
        np.savez(path, **good())
    elif form == "v5.mat":
        scipy.io.savemat(path, good(), do_compression=True)
    elif form == "npy":
        path = folder / "folder"
        path.mkdir()
        for key, array in good().items():
            np.save(path / f"{key}.npy", array)
    elif form == "zarr":
        group = zarr.open_group(str(path), mode="w")
        for key, array in good().items():
            group.create_array(key, data=array)
    else:
        with h5py.File(path, "w", userblock_size=512 if form == "v73.mat" else 0) as file:
            for key, array in good().items():
                file[key] = array.T if form == "v73.mat" else array
    return path


@pytest.mark.parametrize("form", ["npz", "v5.mat", "v73.mat", "h5", "zarr", "npy"])
def test_an_absent_key_is_answered_with_the_nearest(tmp_path, form):
    said = refused(write(tmp_path, form), "no array 'xTrian'; did you mean 'xTrain'?", train_voxels="xTrian")
    assert said.endswith("its arrays: xTest, xTrain, yTest, yTrain")
    refused(
        tmp_path / ("folder" if form == "npy" else f"data.{form}"),
        "no array 'qqq'; its arrays",
        train_voxels="qqq",
    )
    refused(tmp_path / ("folder" if form == "npy" else f"data.{form}"), "no array ''", train_voxels="")


@pytest.mark.parametrize("form", ["npz", "v5.mat", "v73.mat", "h5"])
@pytest.mark.parametrize("share", [0, 0.02, 0.3, 0.9])
def test_a_truncated_file_is_said_to_be_damaged(tmp_path, form, share):
    path = write(tmp_path, form)
    content = path.read_bytes()
    path.write_bytes(content[: int(share * len(content))])
    refused(path, "damaged|truncated|holds no array")


@pytest.mark.parametrize("form", ["npz", "v5.mat", "v73.mat", "h5"])
def test_rubbish_is_said_to_be_damaged(tmp_path, form):
    path = tmp_path / f"data.{form}"
    path.write_bytes(np.random.default_rng(0).bytes(3000))
    refused(path, "damaged")


@pytest.mark.parametrize("keep", [0, 30, 200])
def test_a_truncated_npy_is_said_to_be_damaged(tmp_path, keep):
    folder = write(tmp_path, "npy")
    path = folder / "xTrain.npy"
    path.write_bytes(path.read_bytes()[:keep])
    refused(folder, "xTrain.npy cannot be read.*(damaged|truncated)")


def test_a_zarr_with_a_damaged_chunk_or_description(tmp_path):
    path = write(tmp_path, "zarr")
    chunk = next(file for file in (path / "xTrain").rglob("*") if file.is_file() and file.name != "zarr.json")
    chunk.write_bytes(b"rubbish")
    refused(path, "'xTrain' of data.zarr cannot be read")
    (path / "zarr.json").write_text("{")
    refused(path, "cannot be read")


def test_objects_are_not_unpickled(tmp_path):
    np.savez(tmp_path / "data.npz", **{**good(), "xTrain": np.array([{}, []], object)})
    refused(tmp_path / "data.npz", "cannot be read .*Object arrays")


def test_matlab_variables_that_are_no_matrix(tmp_path):
    cells = {"sparse": scipy.sparse.eye(7, format="csc"), "cells": np.array([1, "a"], object)}
    scipy.io.savemat(tmp_path / "data.mat", good() | cells)
    refused(tmp_path / "data.mat", "'sparse' of .* expected a full matrix", train_voxels="sparse")
    refused(tmp_path / "data.mat", r"\(1, 2\), expected|objects or cells", train_voxels="cells")


def test_a_matlab_file_with_a_rotten_tag_does_not_end_the_process(tmp_path):
    path = tmp_path / "data.mat"
    scipy.io.savemat(path, good())
    content = bytearray(path.read_bytes())
    content[content.index(good()["xTrain"].T.tobytes()) - 8] = 37  # a type that MATLAB does not know
    path.write_bytes(content)
    refused(path, r"data\.mat cannot be read \(type 37 of numbers at byte \d+ .*\); the file is damaged")


def test_groups_and_empty_data_sets_are_no_arrays(tmp_path):
    with h5py.File(tmp_path / "data.h5", "w") as file:
        file["deep/xTrain"] = np.ones((7, 5))
        file["nothing"] = h5py.Empty("f4")
        for key, array in good().items():
            file[key] = array
    refused(tmp_path / "data.h5", "no array 'deep'", train_voxels="deep")
    refused(tmp_path / "data.h5", r"has shape \(\), expected", train_voxels="nothing")


def test_places_that_hold_no_source(tmp_path):
    refused(tmp_path / "no.npz", "no.npz does not exist", Missing)
    refused(tmp_path / "nowhere", "nowhere does not exist; the source of arrays is a .npz", Missing)
    refused(tmp_path / "nowhere.zarr", "does not exist", Missing)
    (tmp_path / "x.npz").mkdir()
    refused(tmp_path / "x.npz", "is a folder; a file was expected", Missing)
    (tmp_path / "x.csv").write_text("1,2")
    refused(tmp_path / "x.csv", "no known format; the source of arrays is a .npz")
    np.save(tmp_path / "x.npy", np.ones(3))
    refused(tmp_path / "x.npy", "is one array: give its folder")
    (tmp_path / "x.zarr").mkdir()
    (tmp_path / "x.zarr" / "file").touch()
    refused(tmp_path / "x.zarr", "neither zarr.json nor .zgroup")
    (tmp_path / "bare").mkdir()
    (tmp_path / "bare" / "x.txt").touch()
    refused(tmp_path / "bare", "no array 'yTrain'|no array 'xTrain'; its arrays: none")
