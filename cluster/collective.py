"""One call on several workers at once, for what they must do together.

A training spread over processes needs them all at once, each knowing its rank. `together` puts one call on
each of so many workers; inside it, `cluster.seat` says which of them this is and where they meet. What they
then say to each other (torch's process group) is the caller's.
"""

from __future__ import annotations

import tempfile
from pathlib import Path
from queue import Empty, SimpleQueue
from time import monotonic, sleep
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit
from uuid import uuid4

from cluster.attempt import Outcome
from cluster.dispatch import POLL, RETRIES
from cluster.errors import NeedUnmet, TaskFailed
from cluster.places import Seat, seated

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from cluster.workers import Workers

FOLLOW = 60.0
"""Seconds the others may take to notice that one of them has failed."""


def _sit(place: Seat, function: Callable[..., Any], args: tuple[Any, ...]) -> Any:
    with seated(place):
        return function(*args)


def together(
    workers: Workers,
    key: str,
    function: Callable[..., Any],
    args: tuple[Any, ...] = (),
    *,
    size: int,
    gpu: bool = False,
    retries: int = RETRIES,
    on_retry: Callable[[str, str], object] | None = None,
) -> list[Any]:
    """Call a function on several workers at once and return what each returned, by rank.

    Parameters
    ----------
    workers
        From `connect`; of a kind whose workers are processes.
    key
        The task's name in messages.
    function, args
        The call, the same for all; both must be picklable.
    size
        How many.
    gpu
        Whether each needs a GPU.
    retries
        How often all begin again together after one was lost or failed. An exception with an attribute
        ``exit_code`` is meant for the user, and ends it at once.
    on_retry
        Called with the key and the reason before all begin again.

    Raises
    ------
    NeedUnmet
        If there are not so many workers.
    TaskFailed
        If one of them failed in every try.
    """
    for left in range(retries, -1, -1):
        outcomes = _once(workers, key, function, args, size, gpu=gpu)
        failed = [outcome for outcome in outcomes if outcome.error is not None]
        if not failed:
            return [outcome.value for outcome in outcomes]
        first = min(failed, key=_blame)
        if first.error is not None and hasattr(first.error, "exit_code"):
            raise first.error
        if left and on_retry:
            on_retry(key, f"{type(first.error).__name__}: {first.error}")
    raise _failure(workers, key, first, retries + 1) from first.error


def _blame(outcome: Outcome) -> int:
    """Order failures: what is meant for the user, then a death, then what else; the rest only noticed it."""
    return 0 if hasattr(outcome.error, "exit_code") else 1 if outcome.killed else 2


def _once(
    workers: Workers,
    key: str,
    function: Callable[..., Any],
    args: tuple[Any, ...],
    size: int,
    *,
    gpu: bool,
) -> list[Outcome]:
    chosen = _chosen(workers, size, gpu=gpu)
    name = uuid4().hex[:12]
    done: SimpleQueue[Any] = SimpleQueue()
    waiting = {}
    for place, address in zip(_seats(chosen, name), chosen, strict=True):
        call = workers.submit(
            _sit, place, function, args, key=f"{key}-{name}-{place.rank}", gpu=gpu, only=address
        )
        waiting[call] = place
        call.add_done_callback(done.put)
    try:
        found = _settled(workers, waiting, dict(enumerate(chosen)), done)
    finally:
        workers.cancel(list(waiting))
        Path(_meeting(name)).unlink(missing_ok=True)
    return [found[rank] for rank in sorted(found)]


def _chosen(workers: Workers, size: int, *, gpu: bool) -> list[str]:
    """Return the workers to take, waiting a moment for one that is being started again."""
    deadline = monotonic() + FOLLOW
    while len(found := workers.members(gpu=gpu)) < size:
        if workers.slots < size or monotonic() > deadline:
            raise NeedUnmet(
                f"{size} processes are to train together, and the {workers.kind!r} cluster has {len(found)} "
                "that could; lower `processes` in [train], or use a cluster with so many worker processes"
            )
        sleep(POLL)
    return list(found[:size])


def _settled(
    workers: Workers, waiting: dict[Any, Seat], chosen: dict[int, str], done: SimpleQueue[Any]
) -> dict[int, Outcome]:
    """Wait for all; once one has failed, the others have `FOLLOW` seconds to notice."""
    found: dict[int, Outcome] = {}
    deadline = None
    while len(found) < len(chosen) and (deadline is None or monotonic() < deadline):
        try:
            pending = done.get(timeout=POLL)
        except Empty:
            workers.watch()
            there = workers.members()
            lost = {
                rank: Outcome(error=_Died(), worker=at, name=at, killed=True)
                for rank, at in chosen.items()
                if at not in there
            }
            found = lost | found
        else:
            found[waiting.pop(pending).rank] = workers.outcome(pending)
        if deadline is None and any(outcome.error is not None for outcome in found.values()):
            deadline = monotonic() + FOLLOW
    return found


class _Died(Exception):
    """A worker is gone; its call can't be done elsewhere, its seat is there."""

    def __str__(self) -> str:
        return "the worker died"


def _seats(addresses: Sequence[str], name: str) -> list[Seat]:
    hosts = [urlsplit(address).hostname or "127.0.0.1" for address in addresses]
    shared = len(set(hosts)) == 1
    meeting = _meeting(name) if shared else f"vox2pix-{name}"
    return [Seat(rank, len(hosts), hosts[0], meeting, shared) for rank in range(len(hosts))]


def _meeting(name: str) -> str:
    return str(Path(tempfile.gettempdir()) / f"vox2pix-meeting-{name}")


def _failure(workers: Workers, key: str, outcome: Outcome, tries: int) -> TaskFailed:
    log = workers.log(outcome.name)
    what = "died" if outcome.killed else f"failed: {type(outcome.error).__name__}: {outcome.error}"
    error = TaskFailed(
        f"task {key!r}, done by several workers together, began {tries} times and worker {outcome.name} "
        f"({outcome.worker}) {what}. Log: {log}"
    )
    error.task, error.log = key, log
    return error
