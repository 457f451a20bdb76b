"""How many consecutive blocks a task takes: by those that are left, the slots, the time and the memory."""

from __future__ import annotations

from dataclasses import dataclass, field
from math import ceil
from typing import TYPE_CHECKING, Generic, TypeVar

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from .stage import Cost

Item = TypeVar("Item")

TASKS = 4
"""Tasks a slot still to come: with fewer, the others wait for one that takes long."""
SHORTEST, LONGEST = 0.2, 10.0
"""Seconds that several blocks of one task may take.

To schedule a task and to open its inputs takes some 20 ms; what is lost when a worker dies, and progress
that is not seen yet, is one task.
"""
RUN = 8
"""Most blocks of a task that computes each while it stores the one before."""
ROOM = 0.5
"""Share of a slot's memory that blocks made together may fill; dask has workers pause at 0.8."""


@dataclass
class Portions(Generic[Item]):
    """Runs of blocks, one a task, in order: short ones until it is known how long a block takes.

    Parameters
    ----------
    missing
        The blocks to be made.
    slots
        Tasks at a time.
    together
        Most blocks that a task makes in one walk over the inputs; each slot then walks once, or as few times
        as memory lets it. None where each block is a walk of its own.
    early
        Whether a task computes each block while it stores the one before: each slot then takes its share in
        few runs, the first ones too.
    """

    missing: Sequence[Item]
    slots: int
    together: int | None = None
    early: bool = False
    seconds: float | None = field(default=None, init=False)
    """That the last block took."""

    @classmethod
    def of(cls, missing: Sequence[Item], slots: int, memory: int | None, cost: Cost) -> Portions[Item]:
        """Return the portions for workers with so many slots, and bytes a slot (None: no limit)."""
        return cls(missing, slots, _together(cost, memory) if cost.further else None, cost.early)

    def __iter__(self) -> Iterator[list[Item]]:
        """Yield the blocks of the next task; what was heard by then counts."""
        start, every = 0, len(self.missing)
        while start < every:
            size = self._walk() if self.together else self._size(every - start)
            size = max(size, self._run()) if self.early else size
            yield list(self.missing[start : start + size])
            start += size

    def heard(self, seconds: float, blocks: int) -> None:
        """Hear how long a task took."""
        self.seconds = seconds / blocks

    def _walk(self) -> int:
        return min(self.together or 1, ceil(len(self.missing) / self.slots))

    def _run(self) -> int:
        share = ceil(len(self.missing) / self.slots)
        run = ceil(share / ceil(share / RUN))
        return run if self.seconds is None else min(run, int(LONGEST / max(self.seconds, 1e-6)))

    def _size(self, left: int) -> int:
        if self.seconds is None:
            return 1
        seconds = max(self.seconds, 1e-6)
        fair, busy = left // (TASKS * self.slots), ceil(left / self.slots)
        return max(1, min(fair, int(LONGEST / seconds)), min(ceil(SHORTEST / seconds), busy))


def _together(cost: Cost, memory: int | None) -> int | None:
    if memory is None:
        return 1 << 30
    return 1 + max(0, int(ROOM * memory - cost.memory) // cost.further)
