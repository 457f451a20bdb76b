"""Which chunks hold the wanted rows and places, which of their bytes, and where those belong."""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import cached_property, lru_cache
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import NDArray

    from .entries import Chunks
    from .layout import Layout

    Numbers = NDArray[np.int64]

KEPT = 64
"""Groups whose indices are kept as slices: the chunks of one row have the places of the next one's."""


@dataclass(frozen=True)
class Groups:
    """Positions along the rows, or among the places, by the chunk they lie in.

    Attributes
    ----------
    chunk : ndarray
        (group) int64, the chunks, ascending.
    edges : ndarray
        (group + 1) int64: group k is entries ``edges[k]`` to ``edges[k + 1]`` of the two below.
    target : ndarray
        (position) int64, where each belongs in what is returned.
    inside : ndarray
        (position) int64, where each lies in its chunk.
    """

    chunk: Numbers
    edges: Numbers
    target: Numbers
    inside: Numbers

    @classmethod
    def of(cls, chunk: Numbers, inside: Numbers) -> Groups:
        """Group positions by chunk."""
        order = np.argsort(chunk, kind="stable")
        found, first = np.unique(chunk[order], return_index=True)
        return cls(found, np.append(first, len(chunk)), order, inside[order])

    @cached_property
    def low(self) -> Numbers:
        """(group) int64, the first place in the chunk that is wanted."""
        return np.asarray(np.minimum.reduceat(self.inside, self.edges[:-1]))

    @cached_property
    def high(self) -> Numbers:
        """(group) int64, the last."""
        return np.asarray(np.maximum.reduceat(self.inside, self.edges[:-1]))

    def __len__(self) -> int:
        return len(self.chunk)

    def of_group(self, at: int) -> slice:
        """Return the entries of one group."""
        return slice(int(self.edges[at]), int(self.edges[at + 1]))

    @cached_property
    def indices(self) -> Callable[[int], tuple[Any, Any]]:
        """Returns where the positions of a group belong, and where they lie in its chunk, both `tight`."""
        edges, target, inside = self.edges, self.target, self.inside

        @lru_cache(KEPT)
        def of(at: int) -> tuple[Any, Any]:
            group = slice(int(edges[at]), int(edges[at + 1]))
            return tight(target[group]), tight(inside[group])

        return of


@dataclass(frozen=True)
class Extents:
    """The bytes to read, in the order of the file.

    Attributes
    ----------
    start, stop : ndarray
        (extent) int64, bytes.
    row, place : ndarray
        (extent) int64, the groups of rows and of places that lie in them.
    skipped : ndarray
        (extent) int64, filters that were left out.
    """

    start: Numbers
    stop: Numbers
    row: Numbers
    place: Numbers
    skipped: Numbers

    def __getitem__(self, which: slice) -> Extents:
        return Extents(*(each[which] for each in (self.start, self.stop, self.row, self.place, self.skipped)))


class Selection:
    """Rows and places of a dataset.

    Parameters
    ----------
    layout : Layout
        The dataset's.
    rows : ndarray
        (row) int64, along the first axis.
    places : ndarray
        (place) int64, along the other axes, numbered in C order.
    """

    def __init__(self, layout: Layout, rows: Numbers, places: Numbers) -> None:
        self.layout = layout
        self.shape = len(rows), len(places)
        tall, *wide = layout.pieces
        self.rows = Groups.of(rows // tall, rows % tall)
        self.places = _groups_of_places(layout, places, tuple(wide))

    @cached_property
    def wanted(self) -> Numbers:
        """(chunk) int64, the chunks' numbers in C order of the grid, ascending."""
        beside = math.prod(self.layout.grid[1:])
        return np.asarray((self.rows.chunk[:, None] * beside + self.places.chunk).ravel())

    @cached_property
    def width(self) -> int:
        """Places a chunk."""
        return math.prod(self.layout.pieces[1:])

    def extents(self, chunks: Chunks) -> Extents:
        """Return the wanted bytes of some chunks: of filtered ones all, else from the first to the last."""
        row, place = np.divmod(np.searchsorted(self.wanted, chunks.number), len(self.places))
        start, stop = chunks.address, chunks.address + chunks.nbytes
        if not self.layout.filters:
            size = self.layout.itemsize
            first, last = self._trim(row, place)
            start, stop = chunks.address + first * size, chunks.address + (last + 1) * size
        order = np.argsort(start, kind="stable")
        return Extents(*(each[order] for each in (start, stop, row, place, chunks.skipped)))

    def _trim(self, row: Numbers, place: Numbers) -> tuple[Numbers, Numbers]:
        """Return the first and last value wanted of each chunk: some of one row, or some whole rows."""
        top, bottom = self.rows.low[row], self.rows.high[row]
        alone = top == bottom
        left = np.where(alone, self.places.low[place], 0)
        right = np.where(alone, self.places.high[place], self.width - 1)
        return top * self.width + left, bottom * self.width + right

    def corner(self, row: int, place: int) -> tuple[int, int, int]:
        """Return row and place of the first value read of a chunk, and how many places a row."""
        if self.layout.filters:
            return 0, 0, self.width
        top, bottom = int(self.rows.low[row]), int(self.rows.high[row])
        if top < bottom:
            return top, 0, self.width
        left = int(self.places.low[place])
        return top, left, int(self.places.high[place]) + 1 - left


def tight(indices: Numbers) -> Any:
    """Return a slice in place of consecutive indices: numpy copies it far faster."""
    first, count = int(indices[0]), len(indices)
    if int(indices[-1]) - first == count - 1 and (np.diff(indices) == 1).all():
        return slice(first, first + count)
    return indices


def beside(indices: Any, corner: int) -> Any:
    """Return tight indices as they are counted from a corner."""
    if isinstance(indices, slice):
        return slice(indices.start - corner, indices.stop - corner)
    return indices - corner


def _groups_of_places(layout: Layout, places: Numbers, wide: tuple[int, ...]) -> Groups:
    if not wide:  # one axis only: a single place
        return Groups.of(places * 0, places * 0)
    if wide == layout.shape[1:] and len(places):  # a chunk holds whole rows, as a picture's does
        count = len(places)
        return Groups(np.zeros(1, np.int64), np.array([0, count]), np.arange(count), places)
    at = np.unravel_index(places, layout.shape[1:])
    chunk, inside = np.zeros_like(places), np.zeros_like(places)
    for each, size, count in zip(at, wide, layout.grid[1:], strict=True):
        chunk, inside = chunk * count + each // size, inside * size + each % size
    return Groups.of(chunk, inside)
