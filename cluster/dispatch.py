"""Hand tasks to workers: a bounded window of them, retried, as they finish.

No graph and no order: a task is a function that reads its inputs and writes its block, and what it returns is
small. The window bounds what is submitted at once, so that no worker reads far ahead and a scheduler holds a
handful of tasks whatever the number of blocks.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field, replace
from itertools import count
from queue import Empty, SimpleQueue
from typing import TYPE_CHECKING
from uuid import uuid4

from cluster.needs import check
from cluster.task import Result, Task
from cluster.undone import failure, told

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    from cluster.attempt import Outcome
    from cluster.errors import TaskFailed
    from cluster.workers import Pending, Workers

RETRIES = 2
POLL = 1.0
"""Seconds between two looks at the cluster's health while nothing finishes."""


def dispatch(
    workers: Workers,
    tasks: Iterable[Task],
    *,
    window: int | None = None,
    retries: int = RETRIES,
    on_retry: Callable[[str, str], object] | None = None,
    on_share: Callable[[Mapping[str, float]], object] | None = None,
) -> Iterator[Result]:
    """Run tasks and yield their results as they finish.

    Parameters
    ----------
    workers
        From `connect`.
    tasks
        What to do. A sequence is checked as a whole before anything is submitted, an iterator as it is read.
    window
        Tasks submitted at once; default two a slot and one more.
    retries
        How often a task that raised is tried again, on another worker if there is one. An exception with an
        attribute ``exit_code`` is meant for the user and is never tried again.
    on_retry
        Called with the task's key and the reason before each further try.
    on_share
        Called every second in which no task ends with how much is done of those that run, by key, as far as
        they say so: see `share_done`.

    Yields
    ------
    Result
        One a task. A task that failed in every try does not keep the others from being done: it is raised at
        their end, or when a second one fails. On any other failure, and on that one, the tasks outstanding
        are cancelled, and those that had finished by then are still yielded before it is raised.

    Raises
    ------
    NeedUnmet
        Before anything is submitted, if no worker could ever do a task.
    TaskFailed
        If a task raised in every try, or its workers died under it.
    ClusterLost
        If scheduler or workers went away.
    Exception
        As the task raised it, if it has an ``exit_code``.
    """
    if isinstance(tasks, Sequence):
        check(workers, {task.key: task.need for task in tasks})
    if window is not None and window < 1:
        raise ValueError(f"window is {window}; expected at least 1")
    heard = on_retry or (lambda *_: None), on_share or (lambda _: None)
    return _Run(workers, iter(tasks), window, retries, *heard).results()


@dataclass(frozen=True, slots=True)
class _Try:
    """One submission of a task."""

    task: Task
    key: str = ""
    tries: int = 1
    avoid: str = ""
    alone: bool = False
    """Run with nothing beside it, because workers died under it and others at once."""


@dataclass
class _Run:
    """The state of one dispatch."""

    workers: Workers
    tasks: Iterator[Task]
    window: int | None
    retries: int
    on_retry: Callable[[str, str], object]
    on_share: Callable[[Mapping[str, float]], object]
    running: dict[Pending, _Try] = field(default_factory=dict)
    suspects: deque[_Try] = field(default_factory=deque)
    done: SimpleQueue[Pending] = field(default_factory=SimpleQueue)
    failure: TaskFailed | None = None
    """Of the task that can't be done."""
    name: str = field(default_factory=lambda: uuid4().hex[:12])
    number: Iterator[int] = field(default_factory=count)

    def results(self) -> Iterator[Result]:
        """Yield results as tasks finish; on a failure, those that had finished by then, and raise."""
        try:
            self._fill()
            while self.running:
                result = self._settle(self._next())
                self._fill()
                if result is not None:
                    yield result
            self._raise_failure()
        except Exception:
            finished = self._finished()
            self._give_up()
            yield from finished
            raise
        finally:
            self._give_up()

    def _give_up(self) -> None:
        self.workers.cancel(list(self.running))
        self.running.clear()

    def _next(self) -> Pending:
        """Wait for a task to finish, looking at the cluster's health meanwhile."""
        while True:
            try:
                return self.done.get(timeout=POLL)
            except Empty:
                self.workers.watch()
                self._tell_shares()

    def _tell_shares(self) -> None:
        shares = self.workers.shares
        said = {one.task.key: shares[one.key] for one in self.running.values() if one.key in shares}
        if said:
            self.on_share(said)

    def _fill(self) -> None:
        """Submit until the window is full; a suspect waits for an empty one and has it for itself."""
        if self.suspects:
            if not self.running:
                self._submit(self.suspects.popleft())
            return
        if any(one.alone for one in self.running.values()):
            return
        while len(self.running) < self._room() and (task := next(self.tasks, None)) is not None:
            check(self.workers, {task.key: task.need})
            self._submit(_Try(task))

    def _room(self) -> int:
        """Return how many may be submitted at once: workers may come while the tasks are being done."""
        return 2 * self.workers.slots + 1 if self.window is None else self.window

    def _submit(self, one: _Try) -> None:
        task = one.task
        # A key of its own for every try: under a known one dask would hand out its old result or error.
        # Dask keeps something of every prefix and of every group of keys for good, so that all have one: what
        # stands first in the brackets. And of a large group it hands a worker a task when one has ended.
        key = f"('dispatch-{self.name}', {next(self.number)}, '{task.key}')"
        pending = self.workers.submit(task.function, *task.args, key=key, gpu=task.need.gpu, avoid=one.avoid)
        self.running[pending] = replace(one, key=key)
        pending.add_done_callback(self.done.put)

    def _settle(self, pending: Pending) -> Result | None:
        """Turn a finished try into a result, a further try, or an exception."""
        one = self.running.pop(pending)
        outcome = self.workers.outcome(pending)
        self.workers.shares.pop(one.key, None)
        if outcome.error is None:
            return _result(one, outcome)
        if outcome.killed:
            self._suspect(one, outcome)
        elif hasattr(outcome.error, "exit_code"):
            outcome.error.task = one.task.key  # type: ignore[attr-defined]
            raise outcome.error
        elif one.tries > self.retries:
            self._fail(one, outcome)
        else:
            self._retry(one, outcome)
        return None

    def _retry(self, one: _Try, outcome: Outcome) -> None:
        self.on_retry(one.task.key, told(outcome.error))
        self._submit(replace(one, tries=one.tries + 1, avoid=outcome.worker))

    def _suspect(self, one: _Try, outcome: Outcome) -> None:
        """Blame a task for dead workers only if it was alone on one; else run it again by itself and see."""
        if one.alone or outcome.alone:
            self._fail(one, outcome)
        else:
            self.on_retry(one.task.key, "its workers died")
            self.suspects.append(replace(one, tries=one.tries + 1, alone=True))

    def _fail(self, one: _Try, outcome: Outcome) -> None:
        """Leave a task undone; where it is the second, it is hardly the task."""
        self._raise_failure()
        self.failure = failure(self.workers, one.task.key, one.tries, outcome)

    def _raise_failure(self) -> None:
        if self.failure is not None:
            raise self.failure

    def _finished(self) -> list[Result]:
        """Return the results that had arrived when something failed."""
        results = []
        while not self.done.empty():
            pending = self.done.get()
            one = self.running.pop(pending)
            with suppress(Exception):  # the first failure is the one to tell
                outcome = self.workers.outcome(pending)
                if outcome.error is None:
                    results.append(_result(one, outcome))
        return results


def _result(one: _Try, outcome: Outcome) -> Result:
    return Result(one.task.key, outcome.value, outcome.seconds, one.tries, outcome.name)
