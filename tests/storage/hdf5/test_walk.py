"""Rows one after the other: the file's own, no byte beside, and no pause between."""

from __future__ import annotations

import time
from dataclasses import replace

import h5py
import numpy as np
import pytest

from storage.errors import Changed
from storage.hdf5 import open_dataset, walk
from storage.remote import Location
from storage.simulate.serve import serve

SHAPE = (30, 17, 13, 3)
ROW = 17 * 13 * 3
ROWS = [7, 29, 0, 8, 9, 7]
LONG = 20
"""Seconds that are waited for what must come, so that a test fails rather than hangs."""


@pytest.fixture
def pictures(tmp_path):
    """Write a file of pictures, in one run, and return them."""
    found = np.random.default_rng(0).integers(0, 256, SHAPE).astype(np.uint8)
    with h5py.File(tmp_path / "pictures.hdf5", "w") as file:
        file["imgBrick"] = found
    return found


@pytest.fixture
def server(tmp_path, monkeypatch):
    for name in ("NO_PROXY", "no_proxy"):
        monkeypatch.setenv(name, "127.0.0.1,localhost")
    with serve({"b": tmp_path}) as found:
        yield found


def _opened(server):
    return open_dataset(Location.of("s3://b/pictures.hdf5", server.options), "imgBrick")


def test_a_request_a_row_and_no_byte_beside(pictures, server):
    dataset = _opened(server)
    bytes_before, requests_before = server.bytes, server.requests
    np.testing.assert_array_equal(list(walk(dataset, ROWS)), pictures[ROWS])
    assert (server.bytes - bytes_before, server.requests - requests_before) == (len(ROWS) * ROW, len(ROWS))


def test_others_are_on_their_way_before_one_is_taken(pictures, server):
    dataset = _opened(server)
    before, walked = server.requests, walk(dataset, range(30))
    np.testing.assert_array_equal(next(walked), pictures[0])
    until = time.monotonic() + LONG
    while server.requests < before + 30 and time.monotonic() < until:
        time.sleep(0.01)
    assert server.requests == before + 30


def test_a_place_that_the_library_knows_better_is_not_believed(pictures, tmp_path):
    dataset = open_dataset(Location.of(tmp_path / "pictures.hdf5"), "imgBrick")
    wrong = replace(dataset, layout=replace(dataset.layout, address=dataset.layout.address - 3))
    np.testing.assert_array_equal(list(walk(wrong, ROWS)), pictures[ROWS])


def test_a_file_that_is_written_meanwhile(pictures, server, tmp_path):
    walked = walk(_opened(server), ROWS)
    with h5py.File(tmp_path / "pictures.hdf5", "a") as file:
        file["imgBrick"][...] = 255 - pictures
    with pytest.raises(Changed, match="was written while it was read"):
        list(walked)


@pytest.mark.parametrize("rows", [[-1], [0, 30]])
def test_rows_that_there_are_not(pictures, tmp_path, rows):
    dataset = open_dataset(Location.of(tmp_path / "pictures.hdf5"), "imgBrick")
    with pytest.raises(IndexError, match="of 30"):
        next(walk(dataset, rows))
