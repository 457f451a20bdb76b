"""What a tree of chunks consists of: nodes, and in the last of them the chunks' places."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    Numbers = NDArray[np.int64]


@dataclass(frozen=True)
class Nodes:
    """Nodes of one level.

    Attributes
    ----------
    address : ndarray
        (node) int64, the byte where each begins.
    low, high : ndarray
        (node) int64, the chunks below a node are numbered low to high (C order of the grid, high excluded).
    """

    address: Numbers
    low: Numbers
    high: Numbers

    @classmethod
    def of(cls, parts: Sequence[Nodes]) -> Nodes:
        """Return the nodes of several parts, one after the other."""
        every = (
            [part.address for part in parts],
            [part.low for part in parts],
            [part.high for part in parts],
        )
        return cls(*map(np.concatenate, every))

    def same(self, other: Nodes) -> bool:
        """Tell whether these are the same nodes in the same places."""
        pairs = ((self.address, other.address), (self.low, other.low), (self.high, other.high))
        return all(np.array_equal(one, another) for one, another in pairs)

    def __len__(self) -> int:
        return len(self.address)

    def __getitem__(self, which: Any) -> Nodes:
        return Nodes(self.address[which], self.low[which], self.high[which])


@dataclass(frozen=True)
class Chunks:
    """Where chunks lie.

    Attributes
    ----------
    number : ndarray
        (chunk) int64, in C order of the grid, ascending.
    address, nbytes : ndarray
        (chunk) int64, the byte where each begins and how many it takes.
    skipped : ndarray
        (chunk) int64, bit k is set where filter k was not applied.
    """

    number: Numbers
    address: Numbers
    nbytes: Numbers
    skipped: Numbers

    @classmethod
    def of(cls, parts: Sequence[Chunks]) -> Chunks:
        """Return the chunks of several parts, ascending."""
        none = np.empty(0, np.int64)
        every = [(part.number, part.address, part.nbytes, part.skipped) for part in parts]
        found = cls(*map(np.concatenate, zip((none,) * 4, *every, strict=True)))
        return found[np.argsort(found.number)]

    def __len__(self) -> int:
        return len(self.number)

    def __getitem__(self, which: Any) -> Chunks:
        return Chunks(self.number[which], self.address[which], self.nbytes[which], self.skipped[which])
