"""All pictures of a release as one lazy Dataset: values of h5py, and no byte more than is asked for."""

from __future__ import annotations

import pickle
import tempfile
from pathlib import Path

import h5py
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from storage.errors import Invalid, Missing
from storage.sources.nsd import open_stimuli, picture_array
from storage.transfer import traffic

SHAPE = (23, 6, 5, 3)


def indexers(size):
    whole = st.integers(-size, size - 1)
    # xarray itself fails on a slice that goes backward and holds nothing
    slices = st.slices(size).filter(lambda key: len(range(size)[key]) or (key.step or 1) > 0)
    return whole | slices | st.lists(whole, max_size=4).map(lambda found: np.array(found, int))


@pytest.mark.parametrize("chunks", [None, (4, 3, 5, 3)])
def test_every_index(files, monkeypatch, chunks):
    monkeypatch.setattr(picture_array, "AT_ONCE", 3)
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "nsddata_stimuli/stimuli/nsd/nsd_stimuli.hdf5")
        expected = np.random.default_rng(0).integers(0, 256, SHAPE).astype(np.uint8)
        files.stimuli(path, expected, chunks=chunks)
        lazy = open_stimuli(folder).picture
        assert (lazy.shape, lazy.dtype) == (SHAPE, np.uint8)

        @settings(max_examples=40)
        @given(st.tuples(*map(indexers, SHAPE)))
        def check(keys):
            wanted = expected
            for axis, key in reversed(list(enumerate(keys))):
                wanted = wanted[(slice(None),) * axis + (key,)]
            found = lazy.isel(dict(zip(lazy.dims, keys, strict=True))).values
            np.testing.assert_array_equal(found, wanted)

        check()


def test_by_number(release):
    pictures = pickle.loads(pickle.dumps(open_stimuli(release.root)))
    with h5py.File(release.stimuli) as file:
        np.testing.assert_array_equal(pictures.picture.sel(nsd_id=[46, 3]), file["imgBrick"][...][[46, 3]])
    assert pictures.image_id.sel(nsd_id=46).item() == "nsd00046"
    chunked = pictures.chunk(image=8).picture.isel(image=slice(5, 20)).mean(("y", "x", "channel"))
    np.testing.assert_allclose(chunked, release.pictures[5:20].mean((1, 2, 3)))


def test_three_pictures_move_three_pictures(release, on_s3):
    place = on_s3(release)
    lazy = open_stimuli(place).picture
    assert lazy[0].values.any()  # the first that is read is compared with what h5py reads
    before = traffic.bytes
    found = lazy.sel(nsd_id=[7, 50, 12])
    assert traffic.bytes == before
    np.testing.assert_array_equal(found.values, release.pictures[[7, 50, 12]])
    assert traffic.bytes - before == 3 * release.pictures[0].nbytes


def test_what_is_wrong(release, files, tmp_path):
    with pytest.raises(Missing, match=r"nsd_stimuli\.hdf5"):
        open_stimuli(tmp_path / "nowhere")
    files.cut(release.stimuli, 10)
    with pytest.raises(Invalid, match=r"nsd_stimuli\.hdf5"):
        open_stimuli(release.root)
