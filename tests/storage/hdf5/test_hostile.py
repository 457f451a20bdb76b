"""Broken files, by accident or on purpose: one line of why, soon, in little memory; never a wrong value."""

from __future__ import annotations

import resource
import struct
import subprocess
import sys

import h5py
import numpy as np
import pytest

from storage.errors import Invalid, StorageError
from storage.hdf5 import index, open_dataset
from storage.remote import Location

SHAPE = (12, 6, 7, 8)


@pytest.fixture(autouse=True)
def _nothing_kept(monkeypatch):
    monkeypatch.setattr(index, "_kept", type(index._kept)())


@pytest.fixture
def file(tmp_path):
    """Write a session in NSD's layout; return path, content and values."""
    values = np.random.default_rng(0).integers(-3000, 3000, SHAPE).astype("i2")
    with h5py.File(tmp_path / "x.hdf5", "w") as opened:
        opened.create_dataset("betas", data=values, chunks=(SHAPE[0], 1, 1, 1))
    return tmp_path / "x.hdf5", (tmp_path / "x.hdf5").read_bytes(), values.reshape(SHAPE[0], -1)


def read(path, content):
    path.write_bytes(content)
    data = open_dataset(Location.of(path), "betas")
    if data.shape[0] > 1_000 or data.places > 10_000:  # what sources compare with what they expect
        raise Invalid(f"{path} holds {data.shape}")
    return data.read(np.arange(data.shape[0]), np.arange(data.places))


def refused(path, content, said):
    with pytest.raises(Invalid, match=said) as told:
        read(path, content)
    assert "\n" not in str(told.value)
    assert path.name in str(told.value)


def test_truncated_anywhere(file):
    path, content, _ = file
    for length in [*range(0, 3_000, 131), *range(3_000, len(content), 4_999), len(content) - 1]:
        refused(path, content[:length], "truncated|damaged")


def node(content, level=None):
    """Return where nodes of the chunks' tree begin, those of a level alone if asked."""
    found, at = [], content.find(b"TREE")
    while at >= 0:
        if content[at + 4] == 1 and (level is None or content[at + 5] == level):
            found.append(at)
        at = content.find(b"TREE", at + 1)
    return found


def changed(content, at, value):
    return content[:at] + value + content[at + len(value) :]


CHILD, ENTRY = 24 + 8 + 8 * 5, 56
"""Where a node's first child stands, and bytes an entry."""


def test_a_tree_that_goes_in_circles(file):
    path, content, _ = file
    (root,) = node(content, 1)
    itself = struct.pack("<Q", root)
    refused(path, changed(content, root + CHILD, itself), "index of .* has nodes on levels")
    twice = content[root + CHILD : root + CHILD + 8]
    for at in (1, 2, 3):
        refused(
            path, changed(content, root + CHILD + at * ENTRY, twice), "index of .* (in circles|out of order)"
        )
    refused(path, changed(content, root + 5, b"\xff"), "has nodes on levels")


@pytest.mark.parametrize("target", [2**63, 2**64 - 1, 10**9])
def test_a_tree_that_points_outside(file, target):
    path, content, _ = file
    for at in (node(content, 1)[0], node(content, 0)[2]):
        refused(path, changed(content, at + CHILD, struct.pack("<Q", target)), "outside of the file")


def test_a_tree_of_other_things(file):
    path, content, _ = file
    (root,), leaf = node(content, 1), node(content, 0)[1]
    refused(path, changed(content, leaf, b"TREA"), "no node where one should be")
    refused(path, changed(content, leaf + 4, b"\0"), "no node where one should be")
    refused(path, changed(content, root + 6, b"\xff\xff"), "more entries than fit")
    refused(path, changed(content, leaf + 24 + 8, struct.pack("<Q", 1)), "outside of the dataset")
    refused(path, changed(content, leaf + 24 + 16, struct.pack("<Q", 2**40)), "outside of the dataset")
    refused(path, changed(content, leaf + 24, struct.pack("<I", 7)), "another size")
    first = content[leaf + 24 : leaf + 24 + ENTRY]
    refused(path, changed(content, leaf + 24 + ENTRY, first), "out of order")
    where = content[leaf + CHILD : leaf + CHILD + 8]
    refused(path, changed(content, leaf + CHILD + ENTRY, where), "lie over each other")


def test_absurd_shapes(file):
    path, content, _ = file
    at = content.index(struct.pack("<4Q", *SHAPE))
    for shape in ((2**62, 6, 7, 8), (2**40, 2**20, 7, 8), (0, 6, 7, 8), (2**64 - 1,) * 4):
        refused(path, changed(content, at, struct.pack("<4Q", *shape)), "shape")
    huge = (12, 6000, 7000, 8000)
    path.write_bytes(changed(content, at, struct.pack("<4Q", *huge)))
    assert open_dataset(Location.of(path), "betas").shape == huge  # sources expect a shape, and compare
    chunks = content.index(struct.pack("<5I", SHAPE[0], 1, 1, 1, 2))
    refused(path, changed(content, chunks, struct.pack("<5I", 2**31, 1, 1, 1, 2)), "longer than the file")
    refused(path, changed(content, chunks, struct.pack("<5I", 0, 1, 1, 1, 2)), "shape")


def test_a_bomb_in_a_chunk(tmp_path):
    path = tmp_path / "x.hdf5"
    with h5py.File(path, "w") as opened:
        data = opened.create_dataset("betas", SHAPE, "i2", chunks=SHAPE, compression="gzip")
        data[...] = 1
    content = path.read_bytes()
    at = content.index(struct.pack("<5I", *SHAPE, 2))
    refused(path, changed(content, at, struct.pack("<5I", 2**30, 6, 7, 8, 2)), "outside|shape|cannot be read")
    data_at = content.index(b"x\x5e") if b"x\x5e" in content else content.index(b"x\x9c")
    refused(path, changed(content, data_at + 6, b"\xff\xff\xff"), "cannot be read")


def test_a_group_that_goes_in_circles(file):
    path, content, _ = file
    at = content.index(b"TREE")
    assert content[at + 4] == 0
    again = changed(content, at + 5, b"\x01")  # an inner node
    refused(path, changed(again, at + 32, struct.pack("<Q", at)), "does not end")


@pytest.mark.parametrize("seed", range(4))
def test_no_flip_of_a_bit_hangs_or_says_nothing(file, seed):
    path, content, values = file
    random, described = np.random.default_rng(seed), [(0, 2_500), *((at, at + 300) for at in node(content))]
    for _ in range(60):
        first, last = described[random.integers(len(described))]
        at = int(random.integers(first, last))
        flipped = bytes([content[at] ^ 1 << int(random.integers(8))])
        try:
            found = read(path, changed(content, at, flipped))
        except StorageError as told:
            assert "\n" not in str(told)  # noqa: PT017  (most flips, not all, are told)
        else:
            assert found.shape == values.shape or found.size < 10**7


def test_memory_is_bounded_by_what_is_asked_for(file):
    """A process with little memory reads a few places of a file that claims to be huge."""
    path, content, _ = file
    at = content.index(struct.pack("<4Q", *SHAPE))
    path.write_bytes(changed(content, at, struct.pack("<4Q", 12, 6_000, 7_000, 8_000)))
    asked = (
        "import sys, numpy as np\n"
        "from storage.hdf5 import open_dataset\n"
        "from storage.remote import Location\n"
        "data = open_dataset(Location.of(sys.argv[1]), 'betas')\n"
        "try: print(data.read(np.arange(12), np.arange(50)).shape)\n"
        "except ValueError as told: print(told)\n"
    )
    limit = 4 * 2**30
    done = subprocess.run(
        [sys.executable, "-c", asked, path],
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
        preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_AS, (limit, limit)),
    )
    assert "MemoryError" not in done.stderr
    assert done.stdout.strip()


def test_a_fault_that_is_still_known_at_the_end_does_not_crash_the_process():
    """HDF5 closes what it knows of a Python file when Python is gone."""
    script = """
import io
from storage.hdf5.ranged import open_by_h5py

class Lost(io.BytesIO):
    def readinto(self, buffer):
        raise RuntimeError("lost")

try:
    open_by_h5py(Lost(bytes(4096)))
except RuntimeError as error:
    kept = error
"""
    ended = subprocess.run([sys.executable, "-c", script], check=False, capture_output=True, text=True)
    assert (ended.returncode, ended.stderr) == (0, "")
