"""Rotten .mat files are told before scipy, which would end the process, reads them; sound ones pass."""

from __future__ import annotations

import io
import warnings
import zlib
from pathlib import Path

import numpy as np
import pytest
import scipy.io
from hypothesis import given
from hypothesis import strategies as st
from scipy.io import loadmat, savemat
from scipy.sparse import csc_matrix

from storage.matlab5 import DEEPEST, HEADER, check

VARIABLES = {
    "number": np.arange(12.0).reshape(3, 4),
    "complex": np.arange(4) * 1j,
    "logical": np.array([True, False]),
    "text": np.array(["abc", "de"]),
    "cell": np.array([1, "x", np.zeros((0, 0))], object),
    "struct": {"f": np.arange(3), "g": {"h": "hi"}},
    "sparse": csc_matrix(np.eye(3)),
    "none": np.zeros((0, 3)),
    "long": np.arange(40_000.0),
}
SAMPLES = Path(scipy.io.__file__).parent / "matlab/tests/data"


def stored(variables, **how) -> bytes:
    file = io.BytesIO()
    savemat(file, variables, **how)
    return file.getvalue()


SMALL = stored({name: value for name, value in VARIABLES.items() if name != "long"})


def read(content: bytes) -> bool:
    """Tell whether scipy makes something of a file; whatever it raises is an answer, its end is not."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            loadmat(io.BytesIO(content))
    except Exception:  # noqa: BLE001
        return False
    return True


@pytest.mark.parametrize("packed", [False, True])
@pytest.mark.parametrize("name", VARIABLES)
def test_what_scipy_writes_passes(name, packed):
    check(stored({name: VARIABLES[name]}, do_compression=packed))


@pytest.mark.skipif(not SAMPLES.is_dir(), reason="scipy came without its tests")
def test_what_matlab_wrote_passes():
    """Files of MATLAB 4 to 7.4, of big-endian machines too, with objects, functions and odd types."""
    samples = [path.read_bytes() for path in sorted(SAMPLES.glob("*.mat"))]
    sound = [content for content in samples if read(content)]
    assert len(sound) > 80
    for content in sound:
        check(content)


@given(st.lists(st.tuples(st.integers(HEADER, len(SMALL) - 1), st.integers(0, 255)), min_size=1, max_size=4))
def test_flipped_bytes_are_told_or_read(flips):
    content = bytearray(SMALL)
    for place, value in flips:
        content[place] = value
    try:
        check(bytes(content))
    except (ValueError, zlib.error):
        return
    read(bytes(content))


@given(st.integers(HEADER, len(SMALL) - 1))
def test_a_cut_file_is_told_unless_it_ends_with_a_variable(length):
    try:
        check(SMALL[:length])
    except (ValueError, zlib.error):
        return
    assert length == HEADER or read(SMALL[:length])


def test_an_unknown_type_is_told():
    content = bytearray(stored({"a": np.arange(12.0).reshape(3, 4)}))
    tag = content.index(np.arange(12.0).reshape(3, 4).T.tobytes()) - 8
    content[tag] = 37
    with pytest.raises(ValueError, match=rf"type 37 of numbers at byte {tag}"):
        check(bytes(content))


def test_matrices_in_matrices_are_followed_so_far():
    value = np.array(1.0)
    for _ in range(DEEPEST):
        outer = np.empty((1, 1), object)
        outer[0, 0] = value
        value = outer
    check(stored({"deep": value}))
    outer = np.empty((1, 1), object)
    outer[0, 0] = value
    with pytest.raises(ValueError, match="more than fit"):
        check(stored({"deep": outer}))


def test_dimensions_that_no_file_holds_are_told():
    content = bytearray(stored({"a": np.zeros((3, 4))}))
    content[HEADER + 8 + 16 + 8 : HEADER + 8 + 16 + 16] = b"\xff\xff\xff\x7f" * 2
    with pytest.raises(ValueError, match="dimensions at byte"):
        check(bytes(content))
