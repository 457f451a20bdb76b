"""Tasks that can't be done: raised in every try, or killed the workers that ran them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from cluster.errors import TaskFailed
from cluster.sizes import human

if TYPE_CHECKING:
    from cluster.attempt import Outcome
    from cluster.workers import Workers


def failure(workers: Workers, key: str, tries: int, outcome: Outcome) -> TaskFailed:
    """Return why a task can't be done, with its last worker's log, and a cure if one is known."""
    log = workers.log(outcome.name)
    where = f"worker {outcome.name} ({outcome.worker})"
    if outcome.killed:
        what = f"every worker that ran it died, the last was {where}; often the cause is too little memory"
    else:
        what = f"it failed {tries} times, the last time on {where}: {told(outcome.error)}"
    cure = f" {_cure(workers)}" if outcome.killed or isinstance(outcome.error, MemoryError) else ""
    error = TaskFailed(f"task {key!r}: {what}.{cure} Log: {log}")
    error.task, error.log = key, log
    error.__cause__ = outcome.error
    return error


def _cure(workers: Workers) -> str:
    limit = f"The limit is {human(workers.memory)} a slot: r" if workers.memory else "R"
    return f"{limit}aise memory or lower workers in [cluster]."


def told(error: BaseException | None) -> str:
    """Return an exception's type and its text."""
    text = str(error).strip()
    return f"{type(error).__name__}: {text}" if text else type(error).__name__
