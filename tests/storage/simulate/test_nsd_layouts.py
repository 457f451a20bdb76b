"""Layouts of one session hold the same values, each as its name says."""

from __future__ import annotations

import h5py
import nibabel
import numpy as np
import pytest

from storage.remote import Location
from storage.simulate.nsd.layouts import (
    SUBJECT,
    VERSION,
    SessionSize,
    folded_sheet,
    session_key,
    simulate_layouts,
)
from storage.sources.nsd import NsdSource

SIZE = SessionSize(grid=(12, 14, 10), trials=30, images=10, picture=16, voxels=60)


@pytest.fixture(scope="module")
def release(tmp_path_factory):
    folder = tmp_path_factory.mktemp("layouts")
    simulate_layouts(folder, SIZE)
    return folder


def test_files_are_laid_out_as_said(release):
    volume = SIZE.grid[::-1]
    chunks = {"voxel-chunks": (30, 1, 1, 1), "contiguous": None, "volume-chunks": (1, *volume)}
    packed = nibabel.load(release / session_key("voxel-chunks", 1, ".nii.gz"))
    expected = np.asarray(packed.dataobj).T
    for layout, shape in chunks.items():
        with h5py.File(release / session_key(layout)) as file:
            assert file["betas"].chunks == shape
            np.testing.assert_array_equal(file["betas"][...], expected)


def test_the_product_reads_the_same_region_from_each(release):
    read = [
        NsdSource(Location.of(release), version=version, sessions=1).betas(SUBJECT).read(0, 30)
        for version in VERSION.values()
    ]
    assert read[0].shape == (30, SIZE.voxels)
    for other in read[1:]:
        np.testing.assert_array_equal(read[0], other)


def test_two_sessions_have_their_chunks_at_the_same_places(release):
    def offsets(number):
        with h5py.File(release / session_key("voxel-chunks", number)) as file:
            data = file["betas"].id
            return [data.get_chunk_info(at).byte_offset for at in range(data.get_num_chunks())]

    assert offsets(1) == offsets(2)
    first, second = (release / session_key("voxel-chunks", number) for number in (1, 2))
    assert first.read_bytes() != second.read_bytes()


def test_what_is_there_is_not_made_again(release):
    before = {path: path.stat().st_mtime_ns for path in release.rglob("*")}
    simulate_layouts(release, SIZE)
    assert {path: path.stat().st_mtime_ns for path in release.rglob("*")} == before


def test_the_full_size_region_is_as_torn_as_cortex():
    size = SessionSize()
    sheet = folded_sheet(size.grid, size.voxels)
    starts = np.count_nonzero(sheet & ~np.roll(sheet, 1, axis=0))
    assert sheet.sum() == 15_724
    assert 3.2 < size.voxels / starts < 3.8  # NSD's own: 4,437 runs of 3.5
