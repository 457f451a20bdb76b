"""Large arrays lie in a file without a name: their values stay, their memory does not."""

from __future__ import annotations

import errno
import os
import tempfile
from pathlib import Path

import numpy as np
import pytest

from storage import spilling

INT16 = np.dtype(np.int16)


def resident():
    line = next(each for each in Path("/proc/self/status").read_text().splitlines() if "VmRSS" in each)
    return 1024 * int(line.split()[1])


@pytest.mark.skipif(not Path("/proc/self/status").exists(), reason="asks Linux what is resident")
def test_values_stay_and_memory_goes(tmp_path, monkeypatch):
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    before = resident()
    found = spilling.zeros((1000, spilling.LARGE // 2000 + 1), INT16)
    assert not found.any()
    for row in range(len(found)):
        found[row] = row
        if row % 100 == 99:
            spilling.release(found.T[3:])  # any view of it
            assert resident() - before < spilling.LARGE / 2
    for row in range(0, len(found), 100):
        assert (found[row] == row).all()
    assert list(tmp_path.iterdir()) == []


def test_small_ones_stay_in_memory(monkeypatch):
    monkeypatch.setattr(tempfile, "TemporaryFile", None)
    found = spilling.zeros((3, 4), INT16)
    found += 1
    spilling.release(found)
    spilling.release(found[1:])
    assert found.tolist() == [[1] * 4] * 3


def test_a_full_folder_is_none(monkeypatch):
    def full(*_):
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(spilling, "LARGE", 10)
    monkeypatch.setattr(os, "posix_fallocate", full)
    found = spilling.zeros((30, 40), INT16)
    found[3] = 7
    spilling.release(found)
    assert found[3].tolist() == [7] * 40
