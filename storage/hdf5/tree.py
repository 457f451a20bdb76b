"""The tree that says where chunks lie: a version 1 B-tree, read level by level, where chunks are wanted."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from storage.errors import Invalid
from storage.ranges import coalesce

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from numpy.typing import NDArray

    from storage.remote import Location
    from storage.transfer import Stat

    from .layout import Layout

    Numbers = NDArray[np.int64]

HEAD = 24
"""Bytes of a node before its entries."""
TOGETHER = 256
"""Nodes that are parsed at once."""
GAP = 4096
"""Bytes read between two nodes rather than asked around."""


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

    def __len__(self) -> int:
        return len(self.number)


@dataclass(frozen=True)
class Tree:
    """The tree of one dataset.

    Attributes
    ----------
    location, stat : Location, Stat
        The file.
    base : int
        Where its addresses count from.
    layout : Layout
        The dataset's.
    """

    location: Location
    stat: Stat
    base: int
    layout: Layout

    def leaves(self, wanted: Numbers) -> Nodes:
        """Return the leaves below which chunks are wanted, from the inner nodes alone.

        Parameters
        ----------
        wanted : ndarray
            (chunk) int64, numbers in C order of the grid, ascending.

        Raises
        ------
        Invalid
            If the tree is damaged, points outside of the file, or goes in circles.
        """
        ends = (self.layout.address, 0, math.prod(self.layout.grid))
        nodes, level, most = Nodes(*(np.array([value]) for value in ends)), None, self.stat.size // HEAD
        while level != 1 and len(nodes) and len(wanted):
            level, below = self._descend(nodes, wanted, level)
            if level == 0:  # the root is a leaf
                break
            nodes, most = below, most - len(nodes)
            if most < len(nodes):
                raise self._damaged("has more nodes than fit the file")
        return nodes

    def _descend(self, nodes: Nodes, wanted: Numbers, above: int | None) -> tuple[int, Nodes]:
        """Read nodes of one level; return which it is, and the nodes below."""
        levels, below = set(), []
        for part, block in self._read(nodes):
            levels |= set(block["level"].tolist())
            below.append(self._children(part, block, wanted))
        if len(levels) > 1 or (above is not None and levels != {above - 1}):
            raise self._damaged("has nodes on levels where there should be none")
        return levels.pop(), Nodes.of(below)

    def chunks(self, leaves: Nodes, wanted: Numbers) -> Chunks:
        """Return where those of the wanted chunks lie that are in some leaves; others were never written."""
        found = [np.empty((4, 0), np.int64)]
        for part, block in self._read(leaves):
            if block["level"].any():
                raise self._damaged("has nodes on levels where there should be none")
            found.append(self._entries(part, block, wanted))
        number, address, nbytes, skipped = np.concatenate(found, axis=1)
        order = np.argsort(number)
        return Chunks(number[order], address[order], nbytes[order], skipped[order])

    @property
    def _node(self) -> np.dtype[Any]:
        rank, most = len(self.layout.shape), 2 * self.layout.half
        entry = [("nbytes", "<u4"), ("skipped", "<u4"), ("at", "<u8", (rank + 1,)), ("child", "<u8")]
        head = [("name", "S4"), ("kind", "u1"), ("level", "u1"), ("used", "<u2"), ("beside", "<u8", (2,))]
        return np.dtype([*head, ("entries", entry, (most + 1,))])

    def _read(self, nodes: Nodes) -> Iterator[tuple[Nodes, NDArray[Any]]]:
        """Yield nodes with their content, some at a time."""
        form = self._node
        length = form.itemsize - 8  # the last key has no child
        nodes = nodes[np.argsort(nodes.address, kind="stable")]
        self._check_places(nodes, length)
        edges = coalesce(nodes.address, nodes.address + length, GAP)
        first = 0
        groups = list(zip(edges[:-1].tolist(), edges[1:].tolist(), strict=True))
        starts, ends = nodes.address.tolist(), (nodes.address + length).tolist()
        spans = [(starts[low], ends[high - 1] - starts[low]) for low, high in groups]
        waiting: list[NDArray[np.uint8]] = []
        for (low, high), found in zip(groups, self.location.ranges(spans, self.stat.etag), strict=True):
            view = np.frombuffer(found, np.uint8)
            waiting.extend(view[starts[at] - starts[low] :][:length] for at in range(low, high))
            if len(waiting) >= TOGETHER or high == len(nodes):
                content = np.zeros((len(waiting), form.itemsize), np.uint8)
                content[:, :length] = waiting
                yield self._checked(nodes[first:high], content.reshape(-1).view(form))
                waiting, first = [], high

    def _check_places(self, nodes: Nodes, length: int) -> None:
        if len(nodes) and nodes.address[-1] + length > self.stat.size:
            raise self._damaged("points outside of the file")
        if len(nodes) > 1 and (np.diff(nodes.address) < HEAD).any():
            raise self._damaged("goes in circles")

    def _checked(self, nodes: Nodes, block: NDArray[Any]) -> tuple[Nodes, NDArray[Any]]:
        if (block["name"] != b"TREE").any() or (block["kind"] != 1).any():
            raise self._damaged("has no node where one should be")
        if (block["used"] > 2 * self.layout.half).any():
            raise self._damaged("has a node with more entries than fit it")
        return nodes, block

    def _keys(self, nodes: Nodes, block: NDArray[Any]) -> tuple[Numbers, NDArray[np.bool_]]:
        """Return the number of each entry's first chunk (node, entry), and which entries there are."""
        rank, grid = len(self.layout.shape), np.array(self.layout.grid, np.uint64)
        used = block["used"].astype(np.int64)[:, None]
        at, steps = block["entries"]["at"][..., :rank], np.array(self.layout.pieces, np.uint64)
        real = np.arange(at.shape[1]) < used
        if (at[real] % steps).any() or (at[real] // steps >= grid).any():
            raise self._damaged("has a chunk outside of the dataset")
        strides = np.append(np.cumprod(np.array(self.layout.grid[:0:-1], np.int64))[::-1], 1)
        number: Numbers = (np.minimum(at // steps, grid).astype(np.int64) * strides).sum(axis=-1)
        last = np.take_along_axis(number, used - 1, axis=1)
        inside = (number[:, :1] >= nodes.low[:, None]) & (last < nodes.high[:, None])
        if not inside[used > 0].all() or (np.diff(number, axis=1)[real[:, 1:]] <= 0).any():
            raise self._damaged("is out of order")
        return number, real

    def _children(self, nodes: Nodes, block: NDArray[Any], wanted: Numbers) -> Nodes:
        """Return the children below which chunks are wanted; each reaches to where the next begins."""
        number, real = self._keys(nodes, block)
        high = np.where(real[:, 1:], number[:, 1:], nodes.high[:, None])
        low, real = number[:, :-1], real[:, :-1]
        which = real & (np.searchsorted(wanted, high) > np.searchsorted(wanted, low))
        return Nodes(self._addresses(block["entries"]["child"][:, :-1][which]), low[which], high[which])

    def _entries(self, nodes: Nodes, block: NDArray[Any], wanted: Numbers) -> Numbers:
        """Return number, address, bytes and filters left out (4, chunk) of the wanted chunks in leaves."""
        number, real = self._keys(nodes, block)
        number, entries = number[real], block["entries"][real]
        which = np.isin(number, wanted, assume_unique=True)
        number, entries = number[which], entries[which]
        nbytes, skipped = entries["nbytes"].astype(np.int64), entries["skipped"].astype(np.int64)
        address = self._addresses(entries["child"])
        if not self.layout.filters and ((nbytes != self.layout.nbytes) | (skipped != 0)).any():
            raise self._damaged("has chunks of another size than the dataset's")
        if len(address) and (address + nbytes).max() > self.stat.size:
            raise self._damaged("has chunks outside of the file")
        return np.stack([number, address, nbytes, skipped])

    def _addresses(self, stored: NDArray[np.uint64]) -> Numbers:
        if len(stored) and int(stored.max()) >= self.stat.size:
            raise self._damaged("points outside of the file")
        return stored.astype(np.int64) + self.base

    def _damaged(self, said: str) -> Invalid:
        return Invalid(f"the index of {self.location} {said}; the file is damaged: get it again")
