"""Machines on a cable that can be cut: network namespaces, joined to this one by a pair of veth each.

They need root's rights, `ip` and, to be reached, `sshd`.
"""

from __future__ import annotations

import os
import shutil
import signal
import socket
import subprocess
import sys
import time
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import psutil

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from cluster import Ssh

SSHD = Path("/usr/sbin/sshd")
ROOT = Path(__file__).parents[3]


class NoMachine(RuntimeError):
    """No network namespace can be made here."""


@dataclass(frozen=True)
class Machine:
    """One of them, with this machine's address on its cable, and its own."""

    name: str
    here: str
    there: str

    @property
    def inside(self) -> tuple[str, ...]:
        """What comes before a command that is to run there."""
        return ("ip", "netns", "exec", self.name)

    def cut(self) -> None:
        """Cut its cable."""
        _ip("-n", self.name, "link", "set", "cable", "down")

    def mend(self) -> None:
        """Mend its cable."""
        _ip("-n", self.name, "link", "set", "cable", "up")
        _ip("-n", self.name, "route", "replace", "default", "via", self.here)


def able() -> str:
    """Return what is missing here for machines to be made and reached; nothing where nothing is."""
    missing = [] if os.geteuid() == 0 else ["root's rights"]
    missing += [] if shutil.which("ip") else ["ip (of Debian's package iproute2)"]
    missing += [] if SSHD.exists() else ["sshd (of Debian's package openssh-server)"]
    return ", ".join(missing)


def _ip(*arguments: str) -> str:
    return subprocess.run(["ip", *arguments], check=True, capture_output=True, text=True).stdout  # noqa: S603, S607


@contextmanager
def joined(number: int) -> Iterator[Machine]:
    """Make a machine; its network is of the range that is set aside for measuring devices (RFC 2544).

    Raises
    ------
    NoMachine
        Where none can be made.
    """
    name, net = f"v2p{os.getpid()}-{number}", f"198.18.{(os.getpid() + number) % 256}"
    machine = Machine(name, f"{net}.1", f"{net}.2")
    end = f"v{os.getpid() % 10**7}n{number}"
    try:
        _ip("netns", "add", name)
    except (OSError, subprocess.CalledProcessError) as error:
        raise NoMachine(str(getattr(error, "stderr", error))) from error
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


def make_keys(folder: Path) -> None:
    """Make the servers' key and the one key that they let in."""
    Path("/run/sshd").mkdir(mode=0o755, exist_ok=True)  # sshd wants that
    for name in ("host", "user"):
        command = ["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", str(folder / name)]
        subprocess.run(command, check=True)  # noqa: S603


@contextmanager
def serving(
    keys: Path, address: str = "127.0.0.1", inside: Sequence[str] = (), port: int | None = None
) -> Iterator[dict[str, Any]]:
    """Run an sshd, by a command that puts it `inside` something; yield options of `asyncssh.connect`."""
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
    with subprocess.Popen(command, stderr=subprocess.DEVNULL) as server:  # noqa: S603
        try:
            deadline = time.monotonic() + 30
            while not _answers(address, port) and time.monotonic() < deadline:
                time.sleep(0.1)
            yield {
                "port": port,
                "username": psutil.Process().username(),
                "client_keys": [str(keys / "user")],
                "known_hosts": str(known),
            }
        finally:  # a server that goes on is waited for without end
            server.terminate()


def free_port() -> int:
    """Return a port nobody listens on."""
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        port: int = one.getsockname()[1]
        return port


def _answers(address: str, port: int) -> bool:
    with socket.socket() as one:
        return one.connect_ex((address, port)) == 0


@contextmanager
def reached(machines: Sequence[Machine], keys: Path) -> Iterator[Ssh]:
    """Let machines be reached by ssh; yield what asks for a worker on each."""
    from cluster import Ssh

    with ExitStack() as stack:
        served = [stack.enter_context(serving(keys, one.there, one.inside, port=22)) for one in machines]
        known = keys / "known-machines"
        known.write_text("".join(Path(one["known_hosts"]).read_text() for one in served))
        options = {
            "connect_options": {**served[0], "known_hosts": str(known)},
            "remote_python": f"env PYTHONPATH={ROOT} {sys.executable}",
            "scheduler_options": {"host": machines[0].here},
        }
        hosts = tuple(one.there for one in machines)
        yield Ssh(hosts=hosts, memory="1GB", wait=120, options=options)
