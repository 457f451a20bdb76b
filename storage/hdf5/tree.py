"""The tree that says where chunks lie: a version 1 B-tree, read level by level, where chunks are wanted."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from storage.errors import Invalid
from storage.ranges import coalesce

from .entries import Chunks, Nodes

if TYPE_CHECKING:
    from collections.abc import Iterator

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
    head : bytes
        How the file begins, which was read to find the dataset: the root is often there.
    """

    location: Location
    stat: Stat
    base: int
    layout: Layout
    head: bytes = b""

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
        return Chunks.of([self._entries(*part, wanted) for part in self._read(leaves)])

    def chunks_in(self, leaves: Nodes, content: NDArray[np.uint8], wanted: Numbers) -> Chunks:
        """Return where those of the wanted chunks lie that are in some leaves, by the leaves' bytes.

        Parameters
        ----------
        leaves : Nodes
            In the order of the file.
        content : ndarray
            (node, byte) uint8.
        wanted : ndarray
            (chunk) int64, ascending.
        """
        return self._entries(*self._parsed(leaves, content), wanted)

    @property
    def node_bytes(self) -> int:
        """Bytes a node takes."""
        return self._node.itemsize - 8  # the last key has no child

    @property
    def _node(self) -> np.dtype[Any]:
        rank, most = len(self.layout.shape), 2 * self.layout.half
        entry = [("nbytes", "<u4"), ("skipped", "<u4"), ("at", "<u8", (rank + 1,)), ("child", "<u8")]
        head = [("name", "S4"), ("kind", "u1"), ("level", "u1"), ("used", "<u2"), ("beside", "<u8", (2,))]
        return np.dtype([*head, ("entries", entry, (most + 1,))])

    def _read(self, nodes: Nodes) -> Iterator[tuple[Nodes, NDArray[Any]]]:
        """Yield nodes with their content, some at a time."""
        length, nodes = self.node_bytes, self.in_file(nodes)
        if len(nodes) == 1 and nodes.address[0] + length <= len(self.head):
            root = np.frombuffer(self.head, np.uint8, length, int(nodes.address[0]))
            yield self._parsed(nodes, root[None])
            return
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
                yield self._parsed(nodes[first:high], np.stack(waiting))
                waiting, first = [], high

    def in_file(self, nodes: Nodes) -> Nodes:
        """Return nodes in the order of the file.

        Raises
        ------
        Invalid
            If they lie outside of the file, or in the same place.
        """
        nodes = nodes[np.argsort(nodes.address, kind="stable")]
        if len(nodes) and nodes.address[-1] + self.node_bytes > self.stat.size:
            raise self._damaged("points outside of the file")
        if len(nodes) > 1 and (np.diff(nodes.address) < HEAD).any():
            raise self._damaged("goes in circles")
        return nodes

    def _parsed(self, nodes: Nodes, content: NDArray[np.uint8]) -> tuple[Nodes, NDArray[Any]]:
        """Return nodes and what their bytes (node, byte) say."""
        padded = np.zeros((len(nodes), self._node.itemsize), np.uint8)
        padded[:, : self.node_bytes] = content
        block = padded.reshape(-1).view(self._node)
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

    def _entries(self, nodes: Nodes, block: NDArray[Any], wanted: Numbers) -> Chunks:
        """Return the wanted chunks in leaves."""
        if block["level"].any():
            raise self._damaged("has nodes on levels where there should be none")
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
        return Chunks(number, address, nbytes, skipped)

    def _addresses(self, stored: NDArray[np.uint64]) -> Numbers:
        if len(stored) and int(stored.max()) >= self.stat.size:
            raise self._damaged("points outside of the file")
        return stored.astype(np.int64) + self.base

    def _damaged(self, said: str) -> Invalid:
        return Invalid(f"the index of {self.location} {said}; the file is damaged: get it again")
