"""Every value is what h5py reads from the same file, however it is laid out."""

from __future__ import annotations

import tempfile
from pathlib import Path

import h5py
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from storage.errors import Invalid
from storage.hdf5 import open_dataset, walk
from storage.remote import Location

VERSIONS = ["earliest", ("earliest", "v108"), "latest"]
TYPES = ["<i2", ">i2", "<f4", ">f8", "u1", "<u4"]


@st.composite
def files(draw):
    """Draw a dataset, and how it is written."""
    shape = tuple(draw(st.lists(st.integers(1, 7), min_size=1, max_size=4)))
    odd = tuple(draw(st.integers(1, size)) for size in shape)
    options = {
        "places": {"chunks": (shape[0],) + (1,) * (len(shape) - 1)},
        "runs of a place": {"chunks": (max(1, shape[0] // 2),) + (1,) * (len(shape) - 1)},
        "rows": {"chunks": (1, *shape[1:])},
        "odd": {"chunks": odd},
        "packed": {"chunks": odd, "compression": "gzip", "shuffle": draw(st.booleans())},
        "checked": {"chunks": odd, "fletcher32": True},
        "run": {},
    }[draw(st.sampled_from(["places", "runs of a place", "rows", "odd", "packed", "checked", "run"]))]
    return {
        "shape": shape,
        "dtype": draw(st.sampled_from(TYPES)),
        "fillvalue": draw(st.sampled_from([0, 7])),
        "written": draw(st.sampled_from(["all", "some", "nothing"])),
        "libver": draw(st.sampled_from(VERSIONS)),
        "userblock_size": draw(st.sampled_from([0, 512])),
        "options": options,
    }


def write(path, drawn, seed):
    random = np.random.default_rng(seed)
    values = random.integers(0, 200, drawn["shape"])
    with h5py.File(path, "w", libver=drawn["libver"], userblock_size=drawn["userblock_size"]) as file:
        given_ = {name: drawn[name] for name in ("shape", "dtype", "fillvalue")}
        data = file.create_dataset("betas", **given_, **drawn["options"])
        if drawn["written"] == "all":
            data[...] = values
        if drawn["written"] == "some":
            for row in np.flatnonzero(random.random(len(values)) < 0.5):
                data[row] = values[row]
        return data[...]


@settings(max_examples=150)
@given(drawn=files(), seed=st.integers(0, 1_000), data=st.data())
def test_every_value(drawn, seed, data):
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "file.hdf5")
        expected = write(path, drawn, seed).reshape(drawn["shape"][0], -1)
        found = open_dataset(Location.of(path), "betas")
        assert found.shape == drawn["shape"]
        count = st.sets(st.integers(0, expected.shape[0] - 1)), st.sets(st.integers(0, expected.shape[1] - 1))
        rows, places = (data.draw(each.map(list).flatmap(st.permutations)) for each in count)
        for _ in range(2):  # the second time with an index that is known
            values = found.read(rows, places)
            assert values.dtype == expected.dtype.newbyteorder("=")
            np.testing.assert_array_equal(values, expected[np.ix_(rows, places)])
        np.testing.assert_array_equal(found.read(rows), expected[rows])
        walked = list(walk(found, rows))
        assert {(each.shape, each.dtype) for each in walked} <= {(found.shape[1:], values.dtype)}
        np.testing.assert_array_equal(np.reshape(walked, (len(rows), expected.shape[1])), expected[rows])
        assert 0 <= found.moved(len(rows), places) <= path.stat().st_size


@pytest.mark.parametrize("options", [{"fletcher32": True}, {"compression": "lzf"}])
def test_what_only_the_library_reads_is_said(tmp_path, options, caplog):
    values = np.arange(60, dtype="i2").reshape(5, 4, 3)
    with h5py.File(tmp_path / "x.hdf5", "w") as file:
        file.create_dataset("betas", data=values, chunks=(5, 2, 2), **options)
    found = open_dataset(Location.of(tmp_path / "x.hdf5"), "betas").read([4, 1], [3, 11, 0])
    np.testing.assert_array_equal(found, values.reshape(5, 12)[[4, 1]][:, [3, 11, 0]])
    assert "x.hdf5: filter" in caplog.text
    assert "the whole file is read through h5py" in caplog.text


def test_a_session_of_nsd_needs_no_copy(tmp_path, caplog):
    with h5py.File(tmp_path / "x.hdf5", "w") as file:
        file.create_dataset("betas", data=np.ones((9, 2, 3, 4), "i2"), chunks=(9, 1, 1, 1))
    assert open_dataset(Location.of(tmp_path / "x.hdf5"), "betas").read([8], [23]).tolist() == [[1]]
    assert caplog.text == ""


def test_names_and_places_that_there_are_not(tmp_path):
    with h5py.File(tmp_path / "x.hdf5", "w") as file:
        file["beta"], file["other"] = np.ones((2, 3)), np.ones(1)
    place = Location.of(tmp_path / "x.hdf5")
    with pytest.raises(Invalid, match="has no dataset 'betas'; it has beta, other"):
        open_dataset(place, "betas")
    with pytest.raises(IndexError):
        open_dataset(place, "beta").read([2], [0])


def test_a_dataset_of_another_kind(tmp_path):
    with h5py.File(tmp_path / "x.hdf5", "w") as file:
        file["words"] = ["a", "b"]
        file.create_group("group")
    assert open_dataset(Location.of(tmp_path / "x.hdf5"), "words").dtype == object
    with pytest.raises(Invalid, match="'group'"):
        open_dataset(Location.of(tmp_path / "x.hdf5"), "group")
