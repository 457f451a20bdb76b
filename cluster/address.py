"""Workers of a dask scheduler that somebody else runs: used, never scaled and never shut down."""

from __future__ import annotations

import asyncio
import socket
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from dask.utils import parse_timedelta
from distributed import Client, Security
from distributed.comm.core import CommClosedError
from distributed.comm.core import connect as open_comm

from cluster.client import DaskWorkers
from cluster.endpoint import split_address
from cluster.errors import ClusterConfigError, ClusterError, ClusterNotStarted
from cluster.logs import diverted
from cluster.security import address_of

if TYPE_CHECKING:
    from collections.abc import Iterator

    from cluster.kinds import Address, SchedulerFile

TIMEOUT = 10.0
"""Seconds to reach a scheduler."""
KNOCK = 2.0
"""Seconds to find out why it was not."""


@contextmanager
def connect_address(config: Address | SchedulerFile) -> Iterator[DaskWorkers]:
    """Keep a connection to a running scheduler for the life of the context."""
    address = str(address_of(config))
    with diverted(None):
        client = _client(config, address)
        try:
            yield _workers(client, config.kind, address)
        finally:
            client.close()


def _client(config: Address | SchedulerFile, address: str) -> Client:
    options = {**config.options, "timeout": _seconds(config), "security": _security(config)}
    keys = options["security"].get_connection_args("client")
    if address.startswith("tls") and not keys.get("ssl_context"):
        raise _keyless(address, options["timeout"])
    try:
        # A client that can't connect may wait for ever, and can't be thrown away: ask first whether it could.
        with ThreadPoolExecutor(1) as beside:  # the caller's thread may be running a loop, as in a notebook
            beside.submit(asyncio.run, _answer(address, options)).result()
    except (OSError, EOFError, CommClosedError) as error:  # TimeoutError is one of them
        waited = isinstance(error, TimeoutError)  # dask tells no more than that time is over
        raise _unreached(
            address,
            options["timeout"],
            (_knock(address) or "who listens there does not answer as a scheduler does")
            if waited
            else _said(error),
        ) from error
    except Exception as error:
        raise ClusterNotStarted(
            f"what answers at {address} is no dask scheduler, or one of another version ({_said(error)}); "
            "see that address and port are right, and that distributed is the same there"
        ) from error
    try:
        return Client(address, set_as_default=False, **options)
    except (TypeError, ValueError) as error:
        raise _refused(config, f"{_said(error)}; expected those of distributed.Client") from None
    except Exception as error:
        raise ClusterNotStarted(f"the scheduler at {address} was lost at once: {_said(error)}") from error


def _said(error: BaseException) -> str:
    return " ".join(str(error).split()) or type(error).__name__


def _refused(config: Address | SchedulerFile, what: str) -> ClusterConfigError:
    return ClusterConfigError(f"options of {config.kind!r}: {what}")


def _seconds(config: Address | SchedulerFile) -> float:
    given = config.options.get("timeout", TIMEOUT)
    try:
        found = float(parse_timedelta(given))
    except (TypeError, ValueError, KeyError):
        found = 0.0
    if found <= 0:
        raise _refused(config, f"timeout = {given!r}; expected seconds, or a text like '20s'")
    return found


def _security(config: Address | SchedulerFile) -> Security:
    """Return the keys to connect with: those of the options, else of dask's configuration.

    Raises
    ------
    ClusterConfigError
        Where they can't be used.
    """
    asked = config.options.get("security") or {}
    try:
        keys = Security(**asked) if isinstance(asked, dict) else asked
        keys.get_connection_args("client")
    except (OSError, TypeError, ValueError, AttributeError) as error:
        raise _refused(
            config,
            f"security can't be used ({_said(error)}); expected the paths tls_ca_file, tls_client_cert and "
            "tls_client_key",
        ) from None
    return keys


def _keyless(address: str, seconds: float) -> ClusterError:
    if reason := _knock(address):
        return _unreached(address, seconds, reason)
    return ClusterConfigError(
        f"{address} is encrypted, and there are no keys to connect with; name them in [cluster.options]: "
        "security = { tls_ca_file = ..., tls_client_cert = ..., tls_client_key = ... }"
    )


def _unreached(address: str, seconds: float, reason: str) -> ClusterNotStarted:
    return ClusterNotStarted(
        f"no dask scheduler was reached at {address} within {seconds:g} s ({reason}); see that it runs, and "
        "that address, port and certificates are right"
    )


def _knock(address: str) -> str:
    """Return why the network lets nobody in at an address; nothing where somebody listens."""
    _, host, port = split_address(address)
    try:
        socket.create_connection((host, port), timeout=KNOCK).close()
    except TimeoutError:
        return "it does not answer"
    except OSError as told:
        return told.strerror or str(told)
    return ""


async def _answer(address: str, options: dict[str, Any]) -> None:
    """Wait for the scheduler to say who it is."""
    arguments = options["security"].get_connection_args("client")
    async with asyncio.timeout(options["timeout"]):
        comm = await open_comm(address, timeout=options["timeout"], **arguments)
        try:
            await comm.write({"op": "identity", "reply": True})
            told = await comm.read()
        finally:
            comm.abort()
    if not isinstance(told, dict) or told.get("type") != "Scheduler":
        what = told.get("type", "something else") if isinstance(told, dict) else "something else"
        raise ValueError(f"it says that it is {what}")


def _workers(client: Client, kind: str, address: str) -> DaskWorkers:
    def log(name: str) -> str:
        return f"with worker {name} of {address}, on the machine where it was started"

    workers = DaskWorkers(client, kind, address, log, client.dashboard_link or None)
    if not workers.slots:
        raise ClusterNotStarted(
            f"the scheduler at {address} has no workers; start one with: dask worker {address}"
        )
    return workers
