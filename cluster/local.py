"""Worker processes on this machine, reachable from this machine only."""

from __future__ import annotations

import asyncio
import shutil
import tempfile
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Any

import dask
from distributed import Client, LocalCluster

from cluster.blas import THREADS
from cluster.client import DaskWorkers
from cluster.environment import environment_kept
from cluster.errors import ClusterError, ClusterNotStarted
from cluster.logs import FOLDER, diverted
from cluster.machine import cores, memory
from cluster.security import LOOPBACK

if TYPE_CHECKING:
    from collections.abc import Iterator

    from cluster.kinds import Local

_ENVIRONMENT = "distributed.nanny.pre-spawn-environ"
MALLOC = {
    "MALLOC_MMAP_THRESHOLD_": 16 << 20,
    "MALLOC_TRIM_THRESHOLD_": 32 << 20,
    "MALLOC_ARENA_MAX": 1,
}
"""What glibc's malloc keeps for the next array, in bytes, and in how many arenas.

A nanny has it give back all above 64 KiB at once. Every chunk and temporary is then mapped and zeroed anew,
page by page: a third of a ridge's CPU time. With these, workers hold no more at their peak than they did.
"""
SETTINGS: dict[str, Any] = {
    # A worker that stops answering is given up after two minutes, not five; a call that holds the GIL is not.
    "distributed.scheduler.worker-ttl": "120s",
    "distributed.scheduler.allowed-failures": 3,
    # Dask's own default is to wait for ever for a worker that fits.
    "distributed.scheduler.no-workers-timeout": "60s",
    # A worker is given a task when it has finished one: its death then casts suspicion on one task only.
    "distributed.scheduler.worker-saturation": 1.0,
    "distributed.comm.retry.count": 3,
    "distributed.comm.timeouts.connect": "30s",
}


@dataclass
class _Logs:
    """The folder of the workers' logs; kept once a message has named it."""

    folder: Path
    named: bool = False

    def __call__(self, name: str) -> str:
        self.named = True
        return str(self.folder / f"worker-{name}.log")


@contextmanager
def connect_local(config: Local) -> Iterator[DaskWorkers]:
    """Run a cluster of processes for the life of the context."""
    with ExitStack() as stack:
        logs = stack.enter_context(_log_folder())
        stack.enter_context(diverted(logs.folder / "scheduler.log"))
        settings = {**SETTINGS, **_worker_environment(), FOLDER: str(logs.folder)}
        stack.enter_context(dask.config.set(settings))
        # nannies write into the environment of this process, for their children to inherit
        stack.enter_context(environment_kept(dask.config.get(_ENVIRONMENT)))
        cluster = stack.enter_context(_started(config, logs.folder))
        client = stack.enter_context(Client(cluster, set_as_default=False))
        dashboard = cluster.dashboard_link if find_spec("bokeh") else None
        yield DaskWorkers(client, "local", cluster.scheduler_address, logs, dashboard)


@contextmanager
def _log_folder() -> Iterator[_Logs]:
    logs = _Logs(Path(tempfile.mkdtemp(prefix="vox2pix-workers-")))
    try:
        yield logs
    finally:
        shutil.rmtree(logs.folder / "scratch", ignore_errors=True)
        if not logs.named:
            shutil.rmtree(logs.folder, ignore_errors=True)


def _worker_environment() -> dict[str, Any]:
    """Return settings for what the processes find in their environment before they load any library."""
    names = ("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS")
    found = {**dict.fromkeys(names, THREADS), **MALLOC, "DASK_LOGGING__DISTRIBUTED": "critical"}
    return {f"{_ENVIRONMENT}.{name}": value for name, value in found.items()}


@contextmanager
def _started(config: Local, folder: Path) -> Iterator[LocalCluster]:
    """Start the processes; when something went wrong inside, don't wait for running tasks to end."""
    cluster = _start(config, folder)
    try:
        yield cluster
    except BaseException:
        cluster.sync(_stop_workers, cluster)
        raise
    finally:
        cluster.close()


def _start(config: Local, folder: Path) -> LocalCluster:
    count = config.workers or cores()
    options: dict[str, Any] = {
        "n_workers": count,
        "threads_per_worker": config.threads,
        "processes": True,
        "host": LOOPBACK,
        "dashboard_address": f"{LOOPBACK}:0",  # None would mean port 8787 of every interface
        "memory_limit": config.memory_bytes or memory() // count,
        "local_directory": str(folder / "scratch"),
        "silence_logs": False,
        "preload": ["cluster.logs"],
    }
    try:
        return LocalCluster(**{**options, **config.options})
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


async def _stop_workers(cluster: LocalCluster) -> None:
    nannies = list(cluster.workers.values())
    await asyncio.gather(*(nanny.close(timeout=0.5) for nanny in nannies), return_exceptions=True)
