"""A real sshd for tests, thrown away afterwards: of Debian's package openssh-server."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
import time
from contextlib import contextmanager
from pathlib import Path

import psutil
import pytest

from cluster import Ssh

SSHD = Path("/usr/sbin/sshd")
ROOT = Path(__file__).parents[1]


def free_port():
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        return one.getsockname()[1]


def answers(address, port):
    with socket.socket() as one:
        return one.connect_ex((address, port)) == 0


@pytest.fixture(scope="session")
def ssh_keys(tmp_path_factory):
    """A folder with the servers' key, and the one key that they let in."""
    if not SSHD.exists():
        pytest.skip("sshd is not installed: apt-get install openssh-server")
    if os.geteuid():
        pytest.skip("sshd needs root's rights to let its user in")
    Path("/run/sshd").mkdir(mode=0o755, exist_ok=True)  # it wants that
    folder = tmp_path_factory.mktemp("ssh")
    for name in ("host", "user"):
        command = ["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", str(folder / name)]
        subprocess.run(command, check=True)
    return folder


@contextmanager
def serving(keys, address="127.0.0.1", inside=(), port=None):
    """Run a server, by a command that puts it `inside` something; yield options of `asyncssh.connect`."""
    port = port or free_port()
    options = {
        "Port": port,
        "ListenAddress": address,
        "HostKey": keys / "host",
        "AuthorizedKeysFile": keys / "user.pub",
        "PidFile": "none",
        "StrictModes": "no",
        "UsePAM": "no",
        "PermitRootLogin": "yes",
    }
    known = keys / f"known-{address}"
    named = address if port == 22 else f"[{address}]:{port}"
    known.write_text(f"{named} {(keys / 'host.pub').read_text()}")
    given = [word for key, value in options.items() for word in ("-o", f"{key}={value}")]
    command = [*inside, str(SSHD), "-D", "-f", "/dev/null", *given]
    with subprocess.Popen(command, stderr=subprocess.DEVNULL) as server:
        deadline = time.monotonic() + 30
        while not answers(address, port) and time.monotonic() < deadline:
            time.sleep(0.1)
        user = psutil.Process().username()
        yield {
            "port": port,
            "username": user,
            "client_keys": [str(keys / "user")],
            "known_hosts": str(known),
        }
        server.terminate()


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
