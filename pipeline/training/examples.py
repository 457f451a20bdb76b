"""What is learned from: pictures, and what stands for each; batches of them, made ready ahead of time."""

from __future__ import annotations

from dataclasses import dataclass
from queue import Full, Queue
from threading import Event, Thread
from typing import TYPE_CHECKING, Any, TypeVar

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    import numpy as np
    from numpy.typing import NDArray
    from torch import Tensor

Item = TypeVar("Item")

AHEAD = 2
"""Batches made ready while a step is computed."""


@dataclass(frozen=True)
class Examples:
    """Pictures and conditions in memory, small as the network takes them.

    Parameters
    ----------
    pictures
        (picture, y, x, channel) uint8.
    seen
        (row,) int, which picture belongs to each row.
    condition
        (row, feature) float32; None for a network that paints without.
    """

    pictures: NDArray[np.uint8]
    seen: NDArray[np.int64]
    condition: NDArray[np.float32] | None = None

    def __len__(self) -> int:
        return len(self.seen)

    @property
    def shape(self) -> tuple[int, int, int]:
        """(channel, y, x) of one picture."""
        y, x, channel = self.pictures.shape[1:]
        return channel, y, x

    def pictures_of(self, rows: NDArray[Any]) -> NDArray[np.uint8]:
        """Return the pictures (row, y, x, channel) uint8 of some rows."""
        found: NDArray[np.uint8] = self.pictures[self.seen[rows]]
        return found

    def batch(self, rows: NDArray[Any]) -> dict[str, Tensor]:
        """Return "picture" (row, channel, y, x), -1 to 1, and "condition" (row, feature) if there is one."""
        import torch

        levels = torch.from_numpy(self.pictures_of(rows)).permute(0, 3, 1, 2)
        made = {"picture": levels.to(torch.get_default_dtype()) / 127.5 - 1}
        if self.condition is not None:
            made["condition"] = torch.from_numpy(self.condition[rows]).to(torch.get_default_dtype())
        return made


def ahead(items: Iterable[Item]) -> Iterator[Item]:
    """Yield items that another thread makes, at most `AHEAD` before they are asked for.

    What the other thread raises is raised here; when nobody asks any more, it ends.
    """
    ready: Queue[tuple[Item | None, BaseException | None]] = Queue(AHEAD)
    over = Event()
    thread = Thread(target=_make, args=(items, ready, over), name="batches", daemon=True)
    thread.start()
    try:
        while True:
            item, error = ready.get()
            if isinstance(error, StopIteration):
                return
            if error is not None:
                raise error
            yield item  # type: ignore[misc]
    finally:
        over.set()
        thread.join()


def _make(items: Iterable[Any], ready: Queue[Any], over: Event) -> None:
    """Put items into a queue until there are no more, or nobody asks; then what ended them."""
    ending: BaseException = StopIteration()
    try:
        for item in items:
            if not _put(ready, (item, None), over):
                return
    except BaseException as error:  # noqa: BLE001  (it is raised again where the items are asked for)
        ending = error
    _put(ready, (None, ending), over)


def _put(ready: Queue[Any], found: tuple[Any, BaseException | None], over: Event) -> bool:
    while not over.is_set():
        try:
            ready.put(found, timeout=0.1)
        except Full:
            continue
        return True
    return False
