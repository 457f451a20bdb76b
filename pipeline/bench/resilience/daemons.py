"""A scheduler that is not ours and its workers, each a process that can be lost."""

from __future__ import annotations

import subprocess
import sys
import time
from contextlib import suppress
from typing import TYPE_CHECKING, Any, Self

import psutil

from cluster.chaos import kill

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

PATIENCE = 280.0
"""Seconds: machines where things are lost on purpose may be busy."""
HERE = ("--host", "127.0.0.1", "--dashboard-address", "127.0.0.1:0")


class Daemons:
    """A scheduler and workers with a nanny each, as a computing centre runs them.

    Parameters
    ----------
    folder
        Where their scheduler's file is written.
    workers
        How many.
    """

    def __init__(self, folder: Path, workers: int = 2) -> None:
        self.file = folder / "scheduler.json"
        self.count = workers
        self.workers: list[subprocess.Popen[bytes]] = []
        self.scheduler: Any = None

    def start(self) -> None:
        """Start all, and wait for them."""
        self.file.unlink(missing_ok=True)
        self.scheduler = self._started("distributed.cli.dask_scheduler", "--port", "0")
        wait_for(self.file.exists, self.scheduler)
        self.workers = [
            self._started("distributed.cli.dask_worker", "--nthreads", "1", "--memory-limit", "1GB")
            for _ in range(self.count)
        ]
        wait_for(self._ready, self.scheduler)

    def _ready(self) -> bool:
        from cluster import ClusterError, SchedulerFile, connect

        with suppress(ClusterError), connect(SchedulerFile(file=str(self.file))) as workers:
            return len(workers.members()) == self.count
        return False

    def _started(self, module: str, *arguments: str) -> subprocess.Popen[bytes]:
        command = [sys.executable, "-m", module, "--scheduler-file", str(self.file), *arguments, *HERE]
        return subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)  # noqa: S603

    def stop(self) -> None:
        """Kill all that are left."""
        for process in (*self.workers, self.scheduler):
            for one in children(process.pid):
                kill(one.pid)
            kill(process.pid)
            process.wait()

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(self, *_error: object) -> None:
        self.stop()


def children(pid: int) -> list[psutil.Process]:
    """Return what a process started, and they did; nothing where it is gone."""
    try:
        found: list[psutil.Process] = psutil.Process(pid).children(recursive=True)
    except psutil.NoSuchProcess:
        return []
    return found


def wait_for(there: Callable[[], object], process: subprocess.Popen[Any] | None = None) -> None:
    """Wait until something is there.

    Raises
    ------
    RuntimeError
        Where the process that is to bring it has ended.
    TimeoutError
        Where it does not come.
    """
    deadline = time.monotonic() + PATIENCE
    while not there():
        if process is not None and process.poll() is not None:
            raise RuntimeError(f"{process.args!r} has ended with {process.returncode}")
        if time.monotonic() > deadline:
            raise TimeoutError(f"not within {PATIENCE:.0f} s")
        time.sleep(0.1)  # looking costs a busy machine time
