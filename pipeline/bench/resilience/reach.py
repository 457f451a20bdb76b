"""Who reaches what listens while each kind of cluster runs."""

from __future__ import annotations

from contextlib import ExitStack, contextmanager
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

import psutil

from .daemons import Daemons
from .ours import two
from .problem import fresh
from .sockets import family, sockets, strangers

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from cluster.client import DaskWorkers

    from ..work import Work

LOOPBACK = ("127.0.0.1", "::1")


def threads(folder: str) -> Work:
    """Note what threads of this process listen on."""
    from cluster import Threads, connect

    del folder

    def work() -> Mapping[str, Any]:
        """Connect."""
        before = sockets(family())
        with connect(Threads(workers=2)):
            return _listening(before)

    return work


def local(folder: str) -> Work:
    """Note what processes of this machine listen on."""
    from cluster import connect

    del folder

    def work() -> Mapping[str, Any]:
        """Connect."""
        before = sockets(family())
        with connect(two()):
            return _listening(before)

    return work


def of_others(folder: str, *, by_file: bool) -> Work:
    """Note what is listened on beside a scheduler that is there already."""
    import json

    from cluster import Address, SchedulerFile, connect

    daemons = Daemons(fresh(folder))
    daemons.start()
    file = daemons.file
    config: Any = SchedulerFile(file=str(file))
    if not by_file:
        config = Address(address=json.loads(file.read_text())["address"])

    def work() -> Mapping[str, Any]:
        """Connect."""
        before = sockets(family())
        with connect(config):
            return _listening(before)

    return work


def encrypted(folder: str) -> Work:
    """Note what the scheduler of slurm and ssh listens on, where others see it; let strangers try it."""
    del folder

    def work() -> Mapping[str, Any]:
        """Start it, without a worker."""
        before = sockets(family())
        with _scheduler() as workers:
            port = urlsplit(workers.address).port or 0
            tried = strangers(workers.address)
            return {**_listening(before, port), "tried": len(tried), "refused": tried.count("refused")}

    return work


@contextmanager
def _scheduler() -> Iterator[DaskWorkers]:
    from cluster.fleet import Plan, running
    from cluster.folder import log_folder
    from cluster.security import temporary_keys

    with ExitStack() as stack:
        logs = stack.enter_context(log_folder())
        plan = Plan("ssh", {}, _NoQueue(), logs, 60, temporary_keys(), {"host": _own_address()})
        yield stack.enter_context(running(plan))


class _NoQueue:
    async def states(self, members: Mapping[str, Any]) -> dict[str, str]:
        return dict.fromkeys(members, "")


def _own_address() -> str:
    """Return an address of this machine that others see, else that of its loopback."""
    found = [
        one.address for each in psutil.net_if_addrs().values() for one in each if one.family.name == "AF_INET"
    ]
    return next((address for address in found if address not in LOOPBACK), LOOPBACK[0])


def _listening(before: set[tuple[str, int]], encrypted: int = 0) -> dict[str, int]:
    """Return how many sockets were opened, and how many of them others reach without TLS."""
    found = sockets(family()) - before
    others = [port for address, port in found if address not in LOOPBACK and port != encrypted]
    return {"listening": len(found), "open": len(others)}
