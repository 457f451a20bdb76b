"""Streamed .npy and .npz files are numpy's, and cost a chunk of memory."""

from __future__ import annotations

import io
import tracemalloc

import dask.array as da
import numpy as np
import xarray as xr
from hypothesis import given
from hypothesis import strategies as st

from storage import npy

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
    ones = xr.Variable(("row", "voxel"), da.ones((4096, 4096), chunks=(4096, 128), dtype="f4"))
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
