"""One try of one task, as it happens where the work is done."""

from __future__ import annotations

import logging
import traceback
from dataclasses import dataclass, replace
from time import perf_counter
from typing import TYPE_CHECKING, Any

from cluster import blas
from cluster.telling import telling
from cluster.wanted import answering

if TYPE_CHECKING:
    from collections.abc import Callable

    from dask.typing import Key
    from distributed import Worker

logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class Outcome:
    """What became of one try.

    A failure travels as a value, not as an exception: its type, its traceback and its place arrive together.
    """

    value: Any = None
    error: BaseException | None = None
    seconds: float = 0.0
    """Wall time of the function alone."""
    worker: str = ""
    """Address of the worker (or name of the thread) that did it."""
    name: str = ""
    """The worker's short name, as in its log's file name."""
    killed: bool = False
    """The workers that had this task died; the error says how many."""
    alone: bool = False
    """With `killed`: most of them had no other task, so this one is to blame."""


def attempt(function: Callable[..., Any], args: tuple[Any, ...], worker: str, name: str) -> Outcome:
    """Call a function and return what became of it, never raising."""
    start = perf_counter()
    try:
        value = function(*args)
    except BaseException as error:  # noqa: BLE001  (a task's sys.exit() must not end the worker's thread)
        return Outcome(error=error, seconds=perf_counter() - start, worker=worker, name=name)
    return Outcome(value=value, seconds=perf_counter() - start, worker=worker, name=name)


def on_worker(function: Callable[..., Any], args: tuple[Any, ...], topic: str) -> Outcome:
    """Call a function on the dask worker that this runs on, and return what became of it.

    What it says of its progress is an event of a topic: the task's key, and how much of it is done.
    """
    from distributed import get_worker

    # Set and not restored: another task of this process may be running by then.
    blas.limit(blas.THREADS)
    worker = get_worker()
    key = worker.get_current_task()
    wanted = answering(lambda: _is_wanted(worker, key))
    with wanted, telling(lambda share: worker.log_event(topic, (key, share))):
        outcome = attempt(function, args, worker.address, str(worker.name))
    if outcome.error is not None:
        logger.warning("task %s failed", key, exc_info=outcome.error)
    return portable(outcome)


def _is_wanted(worker: Worker, key: Key) -> bool:
    """Tell whether a worker's task, which runs, was not cancelled."""
    task = worker.state.tasks.get(key)
    return task is not None and task.state != "cancelled"


def portable(outcome: Outcome) -> Outcome:
    """Make an outcome fit to leave its process: its error picklable, its traceback kept as a note."""
    error = outcome.error
    if error is None:
        return outcome
    told = "".join(traceback.format_exception(error)).rstrip()
    if not _survives_pickle(error):
        error = RuntimeError(f"{type(error).__name__}: {error}")
    error.add_note(f"On worker {outcome.worker}:\n{told}")
    return replace(outcome, error=error)


def _survives_pickle(error: BaseException) -> bool:
    from distributed.protocol.pickle import dumps, loads  # which also knows classes of __main__

    try:
        return type(loads(dumps(error))) is type(error)
    except Exception:  # noqa: BLE001  (whatever a foreign __reduce__ raises)
        return False
