"""Machines that can be reached: a server ends with who asked for it."""

from __future__ import annotations

import subprocess

import psutil
import pytest

from pipeline.bench.resilience.machines import SSHD, serving


def test_a_server_ends_where_what_it_serves_fails(ssh_keys, monkeypatch):
    started = []

    class Kept(subprocess.Popen):
        def __init__(self, command, **more):
            super().__init__(command, **more)
            started.append((self, command[0]))

    monkeypatch.setattr(subprocess, "Popen", Kept)
    with pytest.raises(ValueError, match="no such luck"), serving(ssh_keys):
        raise ValueError("no such luck")
    [(server, program)] = started
    assert program == str(SSHD)
    assert server.returncode is not None
    assert not psutil.pid_exists(server.pid)
