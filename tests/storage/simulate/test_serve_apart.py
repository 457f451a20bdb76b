"""The loopback server in a process of its own."""

from __future__ import annotations

import multiprocessing
import os
import signal

import psutil
import pytest

from storage.errors import Missing
from storage.remote import Location
from storage.simulate.serve_apart import serve_apart
from storage.simulate.weather import Weather


def test_it_serves_counts_and_ends(tmp_path, monkeypatch):
    monkeypatch.setenv("NO_PROXY", "127.0.0.1,localhost")
    (tmp_path / "one").write_bytes(b"0123456789")
    with serve_apart({"bucket": tmp_path}) as server:
        (child,) = (each for each in multiprocessing.active_children() if each.name == "vox2pix-s3")
        process = psutil.Process(child.pid)
        os.kill(process.pid, signal.SIGINT)  # a Ctrl-C reaches the whole group; the server outlives the run
        before = server.now()
        assert Location.of("s3://bucket/one", server.options).read(2, 3) == b"234"
        after = server.now(Weather(refused=1))
        assert (after.requests - before.requests, after.bytes - before.bytes) == (1, 3)
        assert after.statuses == {206: 1}
        assert server.now().weather == Weather(refused=1)
    assert not process.is_running()


def test_a_folder_must_exist(tmp_path):
    with pytest.raises(Missing, match="no folder"), serve_apart({"bucket": tmp_path / "none"}):
        pass
