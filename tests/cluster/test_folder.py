"""The folder of keys and logs: whose process was killed is emptied by who comes next."""

from __future__ import annotations

import signal
import socket
import subprocess
import sys

import pytest

from cluster.folder import HELD, log_folder

HOLD = """
import sys, time
from pathlib import Path
from cluster.folder import log_folder

with log_folder(Path(sys.argv[1])) as logs:
    for name in ("scratch", "keys"):
        (logs.folder / name).mkdir()
        (logs.folder / name / "file").touch()
    (logs.folder / "worker-0.log").touch()
    print(logs.folder.name, flush=True)
    time.sleep(600)
"""


@pytest.fixture
def holder(tmp_path):
    """A process that holds a folder, and that folder."""
    with subprocess.Popen(
        [sys.executable, "-c", HOLD, str(tmp_path)], stdout=subprocess.PIPE, text=True
    ) as process:
        yield process, tmp_path / process.stdout.readline().strip()
        process.kill()


def named(folder):
    return sorted(path.name for path in folder.iterdir())


def test_one_that_is_held_is_left_alone(holder, tmp_path):
    _, folder = holder
    with log_folder(tmp_path):
        assert named(folder) == [HELD, "keys", "scratch", "worker-0.log"]


def test_of_one_whose_process_was_killed_the_logs_stay(holder, tmp_path):
    process, folder = holder
    process.send_signal(signal.SIGKILL)
    process.wait()
    assert (folder / "keys" / "file").exists()
    with log_folder(tmp_path) as mine:
        assert named(folder) == ["worker-0.log"]
        assert named(mine.folder) == [HELD]
    assert named(tmp_path) == [folder.name]


@pytest.mark.parametrize("said", ["", "elsewhere"])
def test_one_of_another_machine_or_just_begun_is_left_alone(tmp_path, said):
    (tmp_path / "vox2pix-workers-1" / "keys").mkdir(parents=True)
    (tmp_path / "vox2pix-workers-1" / HELD).write_text(said)
    assert said != socket.gethostname()
    with log_folder(tmp_path):
        assert named(tmp_path / "vox2pix-workers-1") == [HELD, "keys"]


def test_one_whose_log_was_named_stays_without_keys(tmp_path):
    with log_folder(tmp_path) as logs:
        (logs.folder / "keys").mkdir()
        logs("0")
    assert named(logs.folder) == []
