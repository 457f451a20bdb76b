"""Worker processes on this machine, reachable from this machine only."""

from __future__ import annotations

import os
from contextlib import ExitStack, contextmanager, suppress
from importlib.util import find_spec
from multiprocessing import resource_tracker
from typing import TYPE_CHECKING, Any

import dask
from distributed import Client, LocalCluster

from cluster.client import DaskWorkers
from cluster.environment import SPAWN, environment_kept, nanny_settings
from cluster.errors import ClusterError, ClusterNotStarted, NeedUnmet
from cluster.fleet import SETTINGS, ended, look_often, stop_nannies
from cluster.folder import log_folder
from cluster.logs import FOLDER, diverted, preloads
from cluster.machine import cores, memory
from cluster.security import LOOPBACK
from cluster.sizes import human

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from cluster.folder import Logs
    from cluster.kinds import Local

IDLE = 60_000_000
"""Bytes that a worker process holds at least."""
FAREWELL = 5.0
"""Seconds that processes may take to end which were about to begin."""
LOCAL = {
    # After this time dask looks whether a worker that died is there, and closes its nanny for good where not.
    # By then it may have died again and be on its way again: a nanny of this process needs no such look.
    "distributed.deploy.lost-worker-timeout": "365 days",
}


@contextmanager
def nannies() -> Iterator[Logs]:
    """Prepare this process to start workers of its own for the life of the context; yield where they log."""
    with ExitStack() as stack:
        logs = stack.enter_context(log_folder())
        stack.enter_context(diverted(logs.folder / "scheduler.log"))
        settings = {**SETTINGS, **LOCAL, **nanny_settings(), FOLDER: str(logs.folder)}
        stack.enter_context(dask.config.set(settings))
        # nannies write into the environment of this process, for their children to inherit
        stack.enter_context(environment_kept(dask.config.get(SPAWN)))
        _quieten_tracker()
        yield logs


def _quieten_tracker() -> None:
    """Start Python's tracker of semaphores such that it removes those of killed workers without a word."""
    with environment_kept(["PYTHONWARNINGS"]):
        os.environ["PYTHONWARNINGS"] = "ignore:resource_tracker:UserWarning"
        resource_tracker.ensure_running()


@contextmanager
def connect_local(config: Local) -> Iterator[DaskWorkers]:
    """Run a cluster of processes for the life of the context."""
    with ExitStack() as stack:
        logs = stack.enter_context(nannies())
        cluster = stack.enter_context(ended(_start(config, logs.folder)))
        look_often(cluster)
        client = stack.enter_context(Client(cluster, set_as_default=False))
        dashboard = cluster.dashboard_link if find_spec("bokeh") else None
        yield DaskWorkers(client, "local", cluster.scheduler_address, logs, dashboard)


class _Cluster(LocalCluster):
    """A cluster that, when it is interrupted while it starts, ends what it has begun and is forgotten."""

    def __init__(self, **options: Any) -> None:
        try:
            super().__init__(**options)  # type: ignore[no-untyped-call]
        except BaseException as error:
            if not isinstance(error, Exception):
                self.shutdown_on_close = False  # else dask closes it when Python ends, with a traceback
                with suppress(Exception):
                    self.sync(stop_nannies, self, callback_timeout=FAREWELL)  # type: ignore[no-untyped-call]
            raise


def processes(asked: int | None, others: int = 0) -> int:
    """Return how many worker processes to start here: those asked for, or one a core that is left.

    Parameters
    ----------
    asked
        How many are asked for.
    others
        Those that there are besides.

    Raises
    ------
    NeedUnmet
        Where this machine's memory would not even hold them idle.
    """
    count = asked or max(1, cores() - others)
    if (count + others) * IDLE > memory():
        raise NeedUnmet(
            f"workers = {count} processes take about {human((count + others) * IDLE)} before they do "
            f"anything, of {human(memory())} here; ask for fewer in [cluster]"
        )
    return count


def _start(config: Local, folder: Path) -> LocalCluster:
    count = processes(config.workers)
    options: dict[str, Any] = {
        "n_workers": count,
        "threads_per_worker": config.threads,
        "processes": True,
        "host": LOOPBACK,
        "dashboard_address": f"{LOOPBACK}:0",  # None would mean port 8787 of every interface
        "memory_limit": config.memory_bytes or memory() // count,
        "local_directory": str(folder / "scratch"),
        "silence_logs": False,
        **config.options,
        "preload": preloads(config.options.get("preload", ())),
    }
    try:
        return _Cluster(**options)
    except ClusterError:
        raise
    except Exception as error:
        raise ClusterNotStarted(f"{count} local workers could not be started: {_reason(error)}") from error


def _reason(error: BaseException) -> str:
    """Return the first line of what began it, with the cure of the usual mistake."""
    while error.__cause__ is not None:
        error = error.__cause__
    text = next(iter(str(error).strip().splitlines()), type(error).__name__)
    if not text.startswith(("Nanny failed to start", "An attempt has been made to start a new process")):
        return text
    return f"{text.rstrip('.')}. A script must connect under: if __name__ == '__main__'"
