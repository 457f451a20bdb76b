"""The sockets that processes listen on, and who has no business with a scheduler and tries."""

from __future__ import annotations

import subprocess
import sys
from typing import TYPE_CHECKING

import psutil

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

TRIES = 3
"""Ways in which `strangers` try."""
_TRIES = """
import sys
from distributed import Client, Security
address, other = sys.argv[1], Security.temporary()
for where, security in [(address.replace("tls://", "tcp://"), None), (address, None), (address, other)]:
    try:
        Client(where, security=security, timeout=3)
    except Exception as error:
        print("refused", type(error).__name__)
    else:
        print("let in", where)
"""


def strangers(address: str, inside: Sequence[str] = ()) -> list[str]:
    """Return what becomes of clients that try a scheduler: in plain text, without keys, with others'.

    They are a process of their own, by a command that puts it `inside` something.
    """
    command = [*inside, sys.executable, "-c", _TRIES, address]
    told = subprocess.run(command, capture_output=True, text=True, check=False, timeout=280)  # noqa: S603
    return [line.split()[0] for line in told.stdout.splitlines()]


def sockets(pids: Iterable[int]) -> set[tuple[str, int]]:
    """Return address and port of what processes listen on."""
    return {
        (socket.laddr.ip, socket.laddr.port)
        for pid in pids
        for socket in psutil.Process(pid).net_connections("inet")
        if socket.status == psutil.CONN_LISTEN
    }


def listening(pids: Iterable[int]) -> set[str]:
    """Return the addresses that processes listen on."""
    return {address for address, _ in sockets(pids)}


def family(pid: int | None = None) -> set[int]:
    """Return a process, by default this one, and all that it started and they did."""
    process = psutil.Process(pid)
    return {process.pid, *(one.pid for one in process.children(recursive=True))}
