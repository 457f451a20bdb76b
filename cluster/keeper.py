"""Keeps the workers we started at their number: what has ended is started again, what does not come is told.

Dask's own clusters notice that a job ended and leave it at that.
"""

from __future__ import annotations

import asyncio
import logging
from contextlib import suppress
from dataclasses import dataclass, field
from time import monotonic
from typing import TYPE_CHECKING, Any, Protocol

from distributed.core import Status

from cluster.errors import ClusterError, ClusterNotStarted

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from distributed.deploy.spec import SpecCluster

logger = logging.getLogger(__name__)

PERIOD = 2.0
"""Seconds between two looks at which workers are there."""
ASK = 10.0
"""Seconds between two questions to a queue, which it is asked only while a worker is missing."""
TRIES = 3
"""Members in a row that end before a worker has come of them, for each there should be, until we give up.

Where there are other workers, which do without them, it is tried on at the pace of `SELDOM`; where all have
gone, at that of `ASK`, until they have been away for as long as a cluster may be.
"""
SELDOM = 60.0
"""Seconds between two tries of what has failed often."""


class Queue(Protocol):
    """What tells how those stand whose worker has not come yet: a job queue, ssh, the operating system."""

    async def states(self, members: Mapping[str, Any]) -> Mapping[str, str] | None:
        """Say how each stands, leaving out those that have ended; None where nobody can tell now."""
        ...


@dataclass
class Keeper:
    """Keeps a cluster's members.

    Parameters
    ----------
    cluster
        Running, with no members of its own.
    members
        What starts each worker, by the worker's name, as `distributed.SpecCluster` has it.
    queue
        Says how members stand.
    logs
        Says where the log of a worker of a given name is.
    outage
        Seconds that all workers, once there was one, may be away until starting them again is in vain.
    """

    cluster: SpecCluster
    members: Mapping[str, dict[str, Any]]
    queue: Queue
    logs: Callable[[str], str]
    outage: float = 0.0
    failure: ClusterError | None = field(init=False, default=None)
    """Set where starting them again is in vain."""
    told: str = field(init=False, default="")
    """How those stand that are missing."""
    _came: set[str] = field(init=False, default_factory=set)
    _failed: int = field(init=False, default=0)
    _asked: float = field(init=False, default=float("-inf"))
    _seen: float = field(init=False, default=float("-inf"))
    """When there was a worker last."""
    _loop: asyncio.Task[None] | None = field(init=False, default=None)
    _over: asyncio.Event = field(init=False, default_factory=asyncio.Event)

    def start(self) -> None:
        """Start the members and watch over them from now on."""
        self.cluster.sync(self._begin)

    async def _begin(self) -> None:
        self._loop = asyncio.create_task(self._keep())

    def stop(self) -> None:
        """Leave the members as they are."""
        self.cluster.sync(self._end)

    async def _end(self) -> None:
        self._over.set()
        if self._loop is not None:  # not cancelled: a job half submitted would be nobody's
            await self._loop

    async def _keep(self) -> None:
        while self.failure is None and not self._over.is_set():
            await self._once()
            with suppress(TimeoutError):
                await asyncio.wait_for(self._over.wait(), self._pace)

    @property
    def _pace(self) -> float:
        if not self._in_vain:
            return PERIOD
        return SELDOM if self.present() else ASK

    @property
    def _in_vain(self) -> bool:
        return self._failed >= TRIES * len(self.members)

    async def _once(self) -> None:
        try:
            await self._look()
            self.cluster.worker_spec.update(self.members)
            await self.cluster._correct_state()  # noqa: SLF001  (the call that SpecCluster's documentation names)
        except Exception as error:  # whatever starting a member raises: it is told, and tried again
            logger.warning("a member could not be started", exc_info=error)
            self._blame(first_line(error))
            for name, member in list(self.cluster.workers.items()):
                if member.status in {Status.created, Status.failed}:
                    member.status = Status.failed
                    del self.cluster.workers[name]

    def present(self) -> set[str]:
        """Return the names of the workers that are there."""
        scheduler: Any = self.cluster.scheduler
        return {str(worker.name) for worker in scheduler.workers.values()} & set(self.members)

    async def _look(self) -> None:
        """Note who came and who is missing; give up those that have ended, so that they are started again."""
        there = self.present()
        if there:
            self._seen = monotonic()
        if there - self._came:
            self._failed = 0
        self._came |= there
        missing = {name: one for name, one in self.cluster.workers.items() if name not in there}
        if not missing:
            self.told = ""
        elif monotonic() - self._asked >= ASK:
            self._asked = monotonic()
            states = await self.queue.states(missing)
            if states is not None:
                self.told = ", ".join(dict.fromkeys(states[name] for name in missing if name in states))
                for name in missing.keys() - states.keys():
                    await self._bury(name)

    async def _bury(self, name: str) -> None:
        member = self.cluster.workers.pop(name, None)
        if member is None or name in self.present():
            return
        with suppress(Exception):  # it is no more
            await member.close()
        if name in self._came:  # it did its work, and was cancelled or reached its walltime
            self._came.discard(name)
        else:
            self._blame(f"{name} ended before its worker was there; log: {self.logs(name)}")

    def _blame(self, reason: str) -> None:
        self._failed += 1
        self.told = reason
        if self._in_vain and not self.present() and monotonic() - self._seen >= self.outage:
            self.failure = ClusterNotStarted(
                f"the workers can't be started, tried {self._failed} times; the last time: {reason}"
            )


def first_line(error: BaseException) -> str:
    """Return the first line of what began it."""
    while error.__cause__ is not None:
        error = error.__cause__
    return next(iter(str(error).strip().splitlines()), "") or type(error).__name__
