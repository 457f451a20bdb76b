"""A real sshd for tests, thrown away afterwards: of Debian's package openssh-server."""

from __future__ import annotations

import os
import sys

import pytest

from cluster import Ssh
from pipeline.bench.resilience.machines import ROOT, SSHD, make_keys, serving


@pytest.fixture(scope="session")
def ssh_keys(tmp_path_factory):
    """A folder with the servers' key, and the one key that they let in."""
    if not SSHD.exists():
        pytest.skip("sshd is not installed: apt-get install openssh-server")
    if os.geteuid():
        pytest.skip("sshd needs root's rights to let its user in")
    folder = tmp_path_factory.mktemp("ssh")
    make_keys(folder)
    return folder


@pytest.fixture(scope="session")
def sshd(ssh_keys):
    """Options to connect to a server that lets one key in, and whose own key is known."""
    with serving(ssh_keys) as options:
        yield options


@pytest.fixture
def over_ssh(sshd, _asked_often):
    """Return what asks for workers behind `sshd`."""

    def ask(**keys):
        given = keys.pop("options", {})
        options = {
            "connect_options": {**sshd, **given.pop("connect_options", {})},
            "remote_python": f"env PYTHONPATH={ROOT} {sys.executable}",
            "worker_extra_args": ["--host", "127.0.0.1"],
            "scheduler_options": {"host": "127.0.0.1"},
            **given,
        }
        return Ssh(hosts=["127.0.0.1"], memory="1GB", wait=120, options=options, **keys)

    return ask
