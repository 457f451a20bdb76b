"""Machines on a cable that can be cut: network namespaces, joined to this one by a pair of veth each."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass
from itertools import count
from pathlib import Path

import pytest

from cluster import Ssh
from tests.sshd import ROOT, serving

_numbers = count()


@dataclass(frozen=True)
class Machine:
    """One of them, with this machine's address on its cable, and its own."""

    name: str
    here: str
    there: str

    @property
    def inside(self):
        """What comes before a command that is to run there."""
        return ("ip", "netns", "exec", self.name)

    def cut(self):
        _ip("-n", self.name, "link", "set", "cable", "down")

    def mend(self):
        _ip("-n", self.name, "link", "set", "cable", "up")
        _ip("-n", self.name, "route", "replace", "default", "via", self.here)


def _ip(*arguments):
    return subprocess.run(["ip", *arguments], check=True, capture_output=True, text=True).stdout


@contextmanager
def _joined(number):
    """Make a machine; its network is of the range that is set aside for measuring devices (RFC 2544)."""
    name, net = f"v2p{os.getpid()}-{number}", f"198.18.{(os.getpid() + number) % 256}"
    machine = Machine(name, f"{net}.1", f"{net}.2")
    end = f"v{os.getpid() % 10**7}n{number}"
    try:
        _ip("netns", "add", name)
    except (OSError, subprocess.CalledProcessError) as error:
        pytest.skip(f"no network namespace can be made here: {getattr(error, 'stderr', error)}")
    try:
        _ip("link", "add", end, "type", "veth", "peer", "name", "cable", "netns", name)
        _ip("address", "add", f"{machine.here}/30", "dev", end)
        _ip("link", "set", end, "up")
        _ip("-n", name, "address", "add", f"{machine.there}/30", "dev", "cable")
        _ip("-n", name, "link", "set", "lo", "up")
        machine.mend()
        yield machine
    finally:
        for pid in map(int, _ip("netns", "pids", name).split()):
            with suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        _ip("netns", "delete", name)  # and its cable with it


@pytest.fixture
def machines():
    """Two machines beside this one."""
    with _joined(next(_numbers)) as one, _joined(next(_numbers)) as other:
        yield [one, other]


@pytest.fixture
def on_machines(machines, ssh_keys, monkeypatch):
    """Return what asks for a worker on each of the machines, by ssh."""
    from cluster import keeper

    monkeypatch.setattr(keeper, "ASK", 1.0)
    with ExitStack() as stack:
        served = [stack.enter_context(serving(ssh_keys, one.there, one.inside, port=22)) for one in machines]
        known = ssh_keys / "known-machines"
        known.write_text("".join(Path(one["known_hosts"]).read_text() for one in served))
        connection = {**served[0], "known_hosts": str(known)}

        def ask(**keys):
            options = {
                "connect_options": connection,
                "remote_python": f"env PYTHONPATH={ROOT} {sys.executable}",
                "scheduler_options": {"host": machines[0].here},
            }
            hosts = [one.there for one in machines]
            return Ssh(**{"hosts": hosts, "memory": "1GB", "wait": 120, "options": options, **keys})

        yield ask
