"""Harm on purpose: processes killed or frozen, jobs cancelled, to see that the work ends right all the same.

Only for processes of this machine, and jobs of its queue; `killing` reaches workers elsewhere too.
"""

from __future__ import annotations

import os
import random
import signal
import subprocess
from collections import Counter
from contextlib import contextmanager, suppress
from threading import Event, Thread
from typing import TYPE_CHECKING, Any

import psutil

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from cluster.client import DaskWorkers

SPARE = 2
"""Times that a task is hit. A scheduler bears three, its fourth worker's death is the task's own failure."""
WITHIN = 0.01
"""Seconds, at most, between seeing a worker at a task and the blow: it falls anywhere in a short task."""
EVERY = 0.01
"""Seconds between two looks for a worker at a task."""


def kill(pid: int) -> None:
    """End a process at once, as a machine that goes away does (SIGKILL): a worker, a scheduler, a driver."""
    with suppress(ProcessLookupError):
        os.kill(pid, signal.SIGKILL)


def killing(workers: DaskWorkers) -> Callable[[int], None]:
    """Return what kills a worker by its process's number, on whichever machine it is: it does so itself."""

    def harm(pid: int) -> None:
        if address := workers.client.run_on_scheduler(_address, pid):
            workers.client.run(_end, workers=[address], on_error="ignore")

    return harm


def _address(pid: int, dask_scheduler: Any) -> str:
    return next((one.address for one in dask_scheduler.workers.values() if one.pid == pid), "")


def _end() -> None:
    kill(os.getpid())


def kill_with_nanny(pid: int) -> None:
    """Kill a worker and the nanny that would start it again, as where a machine is lost.

    Raises
    ------
    ValueError
        Where the nanny is a part of this process, as those of the local kinds.
    """
    nanny = psutil.Process(pid).ppid()
    if nanny == os.getpid():
        raise ValueError(f"the nanny of worker process {pid} is a part of this process")
    kill(nanny)
    kill(pid)


def freeze(pid: int) -> None:
    """Stop a process, as one that waits for a file system that hangs (SIGSTOP)."""
    with suppress(ProcessLookupError):
        os.kill(pid, signal.SIGSTOP)


def thaw(pid: int) -> None:
    """Let a frozen process go on (SIGCONT)."""
    with suppress(ProcessLookupError):
        os.kill(pid, signal.SIGCONT)


def cancel(job: str) -> None:
    """Cancel a job of SLURM, as an administrator does."""
    subprocess.run(["scancel", job], check=True)  # noqa: S603, S607


@contextmanager
def raiding(
    workers: DaskWorkers,
    times: int,
    *,
    harm: Callable[[int], object] = kill,
    spare: int = SPARE,
    seed: int = 0,
) -> Iterator[list[str]]:
    """Harm workers while they are at a task, any of them, for the life of the context.

    Parameters
    ----------
    workers
        Behind a dask client, on this machine.
    times
        How often; each time as soon as a worker has tasks that were all hit less than `spare` times.
    harm
        What is done to the worker's process.
    spare
        How often a task may be hit.
    seed
        Of which worker it is, and when.

    Yields
    ------
    list of str
        What the worker had to do, for each time so far.
    """
    over, hit = Event(), list[str]()
    arguments = (workers, times, harm, spare, random.Random(seed), over, hit)  # noqa: S311
    thread = Thread(target=_raid, args=arguments, name="raid", daemon=True)
    thread.start()
    try:
        yield hit
    finally:
        over.set()
        thread.join()


def _raid(
    workers: DaskWorkers,
    times: int,
    harm: Callable[[int], object],
    spare: int,
    chance: random.Random,
    over: Event,
    hit: list[str],
) -> None:
    hits, gone = Counter[str](), set[int]()
    while len(hit) < times and not over.wait(EVERY):
        try:
            busy = [one for one in busy_workers(workers).items() if one[0] not in gone]
        except Exception:  # noqa: BLE001  (whatever a client says that is closed meanwhile)
            return
        chance.shuffle(busy)
        found = [(pid, keys) for pid, keys in busy if max(hits[key] for key in keys) < spare]
        if found and not over.wait(chance.uniform(0, WITHIN)):
            pid, keys = found[0]
            harm(pid)
            gone.add(pid)
            hits.update(keys)
            hit.append(" and ".join(keys))


def busy_workers(workers: DaskWorkers) -> dict[int, list[str]]:
    """Return the processes of the workers that are at tasks, and the keys of these tasks."""
    found: dict[int, list[str]] = workers.client.run_on_scheduler(_busy)
    return found


def _busy(dask_scheduler: Any) -> dict[int, list[str]]:
    return {
        worker.pid: [str(task.key) for task in worker.processing]
        for worker in dask_scheduler.workers.values()
        if worker.processing
    }
