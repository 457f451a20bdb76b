"""Streamed .npy and .npz files are numpy's, and cost a chunk of memory."""

from __future__ import annotations

import io
import os
import pickle
import tracemalloc
from pathlib import Path

import dask.array as da
import numpy as np
import pytest
import xarray as xr
from hypothesis import given
from hypothesis import strategies as st

from storage import npy
from storage.errors import Invalid, Missing

DTYPES = ("u1", "i2", "<f4", "f8", "?", ">i4")


@st.composite
def arrays(draw):
    """Draw an array and how it is cut into chunks."""
    shape = tuple(draw(st.lists(st.integers(1, 7), min_size=1, max_size=4)))
    cuts = tuple(draw(st.integers(1, size)) for size in shape)
    values = np.arange(np.prod(shape)).reshape(shape).astype(draw(st.sampled_from(DTYPES)))
    return values, cuts


@given(arrays())
def test_any_chunks_give_the_bytes_numpy_writes(drawn):
    values, cuts = drawn
    streamed, whole = io.BytesIO(), io.BytesIO()
    npy.write(xr.Variable([f"d{axis}" for axis in range(values.ndim)], da.from_array(values, cuts)), streamed)
    np.save(whole, values)
    assert streamed.getvalue() == whole.getvalue()


def test_memory_is_a_chunk_whatever_the_size(tmp_path):
    ones = xr.Variable(("row", "voxel"), da.ones((2048, 4096), chunks=(2048, 256), dtype="f4"))
    for name, write in (
        ("a.npy", npy.write),
        ("a.npz", lambda array, file: npy.write_npz({"a": array}, file)),
    ):
        with (tmp_path / name).open("x+b") as file:
            tracemalloc.start()
            write(ones, file)
            peak = tracemalloc.get_traced_memory()[1]
            tracemalloc.stop()
        assert peak < 16 * 2**20 < ones.nbytes
        read = np.load(tmp_path / name)
        assert (read if name == "a.npy" else read["a"]).sum() == ones.size


# --- files that somebody hands us -------------------------------------------------------------------


@pytest.mark.parametrize("version", [(1, 0), (2, 0)])
@pytest.mark.parametrize("order", ["C", "F"])
def test_numbers_are_mapped_as_they_lie(tmp_path, version, order):
    values = np.asarray(np.arange(6.0).reshape(2, 3), order=order)
    with (tmp_path / "x.npy").open("wb") as file:
        np.lib.format.write_array(file, values, version)
    found = npy.mapped(tmp_path / "x.npy")
    assert isinstance(found, np.memmap)
    np.testing.assert_array_equal(found, values)


def test_no_numbers_are_an_array_all_the_same(tmp_path):
    np.save(tmp_path / "x.npy", np.empty((0, 3), np.float32))
    assert npy.mapped(tmp_path / "x.npy").shape == (0, 3)


class _Code:
    def __reduce__(self):
        return (open, ("executed", "w"))


@pytest.mark.parametrize(
    ("write", "said"),
    [
        (lambda path: None, "is not there"),
        (lambda path: path.mkdir(), "is no file"),
        (lambda path: path.write_bytes(b""), "is empty"),
        (lambda path: path.write_text("1,2,3"), "is no .npy file"),
        (lambda path: path.write_bytes(pickle.dumps(_Code())), "is no .npy file"),
        (lambda path: (np.savez("x.npz", x=np.ones(3)), Path("x.npz").rename(path)), "is no .npy file"),
        (lambda path: np.save(path, np.array([_Code()], object)), "pickled Python objects"),
        (lambda path: np.save(path, np.array(["a"])), "holds <U1; expected numbers"),
        (lambda path: np.save(path, np.ones(3, complex)), "holds complex128; expected numbers"),
        (lambda path: np.save(path, np.ones(3, bool)), "holds bool; expected numbers"),
        (lambda path: path.write_bytes(b"\x93NUMPY\x01\x00\x76\x00{'descr'"), "cannot be read"),
        (lambda path: path.write_bytes(b"\x93NUMPY\x09\x00\x76\x00{'descr'"), "cannot be read"),
        (lambda path: (np.save(path, np.ones(99)), os.truncate(path, 500)), "is truncated: .* float64"),
    ],
)
def test_other_files_are_refused_and_nothing_of_them_executed(tmp_path, monkeypatch, write, said):
    monkeypatch.chdir(tmp_path)
    write(tmp_path / "x.npy")
    with pytest.raises((Missing, Invalid), match=said) as refused:
        npy.mapped(tmp_path / "x.npy")
    assert "\n" not in str(refused.value)
    assert not (tmp_path / "executed").exists()
