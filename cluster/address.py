"""Workers of a dask scheduler that somebody else runs: used, never scaled and never shut down."""

from __future__ import annotations

import asyncio
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from distributed import Client, Security
from distributed.comm.core import connect as open_comm

from cluster.client import DaskWorkers
from cluster.errors import ClusterNotStarted
from cluster.logs import diverted
from cluster.security import address_of

if TYPE_CHECKING:
    from collections.abc import Iterator

    from cluster.kinds import Address, SchedulerFile

TIMEOUT = 10.0
"""Seconds to reach a scheduler."""


@contextmanager
def connect_address(config: Address | SchedulerFile) -> Iterator[DaskWorkers]:
    """Keep a connection to a running scheduler for the life of the context."""
    address = str(address_of(config))
    with diverted(None):
        client = _client(address, config.options)
        try:
            yield _workers(client, config.kind, address)
        finally:
            client.close()


def _client(address: str, given: dict[str, Any]) -> Client:
    options = {"timeout": TIMEOUT, **given}
    try:
        security = options.get("security") or {}
        options["security"] = Security(**security) if isinstance(security, dict) else security
        # A client that can't connect may wait for ever, and can't be thrown away: ask first whether it could.
        with ThreadPoolExecutor(1) as beside:  # the caller's thread may be running a loop, as in a notebook
            beside.submit(asyncio.run, _answer(address, options)).result()
        return Client(address, set_as_default=False, **options)
    except Exception as error:
        raise ClusterNotStarted(
            f"no dask scheduler was reached at {address} within {options['timeout']:g} s "
            f"({str(error).strip() or type(error).__name__}); "
            "see that it runs, and that address, port and certificates are right"
        ) from error


async def _answer(address: str, options: dict[str, Any]) -> None:
    """Wait for the scheduler to say who it is."""
    arguments = options["security"].get_connection_args("client")
    async with asyncio.timeout(options["timeout"]):
        comm = await open_comm(address, timeout=options["timeout"], **arguments)
        try:
            await comm.write({"op": "identity", "reply": True})
            await comm.read()
        finally:
            comm.abort()


def _workers(client: Client, kind: str, address: str) -> DaskWorkers:
    def log(name: str) -> str:
        return f"with worker {name} of {address}, on the machine where it was started"

    workers = DaskWorkers(client, kind, address, log, client.dashboard_link or None)
    if not workers.slots:
        raise ClusterNotStarted(
            f"the scheduler at {address} has no workers; start one with: dask worker {address}"
        )
    return workers
