"""The disk that takes keys, logs and what workers put aside is full."""

from __future__ import annotations

import os
import signal
import tempfile
import time

import pytest

from cluster import ClusterNotStarted, Local, Slurm, Task, connect, dispatch
from cluster.folder import log_folder
from cluster.slurm import connect_slurm
from pipeline.bench.resilience.disks import fill

pytestmark = pytest.mark.root


def slow_square(number):
    time.sleep(0.1)
    return number * number


def test_a_disk_that_fills_up_while_work_is_done_is_not_in_its_way(small, monkeypatch, capfd):
    small("size=8m,nr_inodes=1000")
    monkeypatch.setattr(tempfile, "tempdir", str(small.folder))
    with connect(Local(workers=2, memory="1GB")) as workers:
        results = dispatch(workers, [Task(f"t{i}", slow_square, (i,)) for i in range(20)])
        found = [next(results).value]
        fill(small.folder)
        os.kill(workers.client.run(os.getpid).popitem()[1], signal.SIGKILL)  # which is logged, or would be
        found += [one.value for one in results]
    assert sorted(found) == [i * i for i in range(20)]
    assert capfd.readouterr() == ("", "")


def test_a_disk_that_takes_no_folder_is_told(small):
    small("nr_inodes=1")
    config = Local(workers=1, options={"local_directory": str(small.folder / "scratch")})
    with pytest.raises(ClusterNotStarted, match=r"No space left on device.*scratch") as caught:
        connect(config).__enter__()
    assert caught.value.exit_code == 4


@pytest.mark.parametrize("options", ["nr_inodes=1", "ro"])
def test_a_place_that_takes_neither_keys_nor_logs_is_told(small, options):
    small(options)
    with pytest.raises(ClusterNotStarted, match=r"could not be written in .*small.*; make room") as caught:
        log_folder(small.folder / "shared").__enter__()
    assert caught.value.exit_code == 4


@pytest.mark.slurm
def test_keys_that_do_not_fit_are_told(small):
    small("size=64k,nr_inodes=1000")
    fill(small.folder)
    with pytest.raises(
        ClusterNotStarted, match=r"could not be written in .*keys \(No space left on device\)"
    ):
        connect_slurm(Slurm(memory="1GB", folder=str(small.folder))).__enter__()
    assert not list(small.folder.glob("vox2pix*"))
