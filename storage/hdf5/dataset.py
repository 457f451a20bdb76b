"""A dataset of an HDF5 file, local or on an object store, read by the bytes that are wanted."""

from __future__ import annotations

import hashlib
import logging
import math
import threading
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import cached_property, lru_cache
from typing import TYPE_CHECKING, Any

import numpy as np

from storage.errors import Invalid
from storage.remarks import remarks
from storage.transfer import traffic

from . import index
from .entries import Chunks, Nodes
from .gather import gather, spans_of
from .groups import names
from .headers import read_header
from .index import Index
from .layout import LAYOUT, Layout, read_layout
from .ranged import opened
from .selection import Selection
from .superblock import read_superblock
from .sweep import sweep, worth
from .tree import Tree
from .whole import read_whole
from .window import NotOurs, Window

if TYPE_CHECKING:
    from numpy.typing import ArrayLike, NDArray

    from storage.remote import Location
    from storage.transfer import Stat

    Numbers = NDArray[np.int64]

SAMPLE = 4
"""Chunks of which one place is compared with what HDF5's library reads, when a layout is met first."""
logger = logging.getLogger(__name__)
_said: set[tuple[Location, str]] = set()
_lock = threading.Lock()


@dataclass(frozen=True, eq=False)
class Dataset:
    """A dataset: its first axis is called row, the others together place.

    Attributes
    ----------
    location, stat : Location, Stat
        The file, and the version of it that was opened.
    key : str
        The dataset's name in the root group.
    shape : tuple of int
        Of all axes.
    dtype : numpy.dtype
        In this machine's byte order.
    layout : Layout, optional
        How it lies in the file; None where only HDF5's library can read it.
    base : int
        The byte from which the file counts.
    reason : str
        Why only HDF5's library can read it.
    head : bytes
        How the file begins.
    """

    location: Location
    stat: Stat
    key: str
    shape: tuple[int, ...]
    dtype: np.dtype[Any]
    layout: Layout | None
    base: int = 0
    reason: str = ""
    head: bytes = b""

    @cached_property
    def places(self) -> int:
        """How many places there are."""
        return math.prod(self.shape[1:])

    def read(self, rows: ArrayLike, places: ArrayLike | None = None) -> NDArray[Any]:
        """Return some rows and places, reading little else.

        Parameters
        ----------
        rows : array_like
            (row) whole numbers along the first axis.
        places : array_like, optional
            (place) whole numbers: flat C-order indices into the other axes; by default all.

        Returns
        -------
        ndarray
            (row, place).

        Raises
        ------
        Missing, Denied, Unreachable, Changed
            As the store says.
        Invalid
            If the file is truncated or damaged.
        """
        tall = np.asarray(rows, np.int64)
        wide = np.arange(self.places) if places is None else np.asarray(places, np.int64)
        check_inside(tall, self.shape[0])
        check_inside(wide, self.places)
        if not len(tall) or not len(wide):
            return np.empty((len(tall), len(wide)), self.dtype)
        if self.layout is None:
            return self._whole(tall, wide, self.reason)
        selection = Selection(self.layout, tall, wide)
        leaves, chunks, name = self._find(self.layout, selection)
        if name is None:
            return self._gather(self.layout, selection, leaves, chunks)[0]
        with ThreadPoolExecutor(1, "vox2pix-sample", traffic.join, (traffic.account,)) as beside:
            theirs = beside.submit(self._sample, selection, tall, wide)
            values, found = self._gather(self.layout, selection, leaves, chunks)
            if not all(_equal(values[part], sample) for part, sample in theirs.result()):
                return self._whole(tall, wide, "its index is not what HDF5's library makes of it")
        index.keep(name, found, self.layout)
        return values

    def moved(self, rows: int, places: ArrayLike) -> int:
        """Estimate the bytes that reading so many rows of some places moves.

        It is assumed that the chunks lie in C order behind each other, nearly as they do in NSD's files, and
        that their index is known from a file read earlier. Where all is read through HDF5's library it is
        the size of the file; of filtered chunks it is their share of it.
        """
        if self.layout is None:
            return self.stat.size
        wide = np.asarray(places, np.int64)
        selection = Selection(self.layout, np.arange(min(rows, self.shape[0])), wide)
        if self.layout.filters:
            share = len(selection.wanted) / math.prod(self.layout.grid)
            return min(self.stat.size, round(share * self.stat.size))
        where = selection.wanted * self.layout.nbytes
        _, spans = spans_of(selection.extents(_all(self.layout, selection.wanted, where)), self.stat.size)
        return min(self.stat.size, sum(length for _, length in spans))

    def _find(self, layout: Layout, selection: Selection) -> tuple[Nodes, Chunks | None, str | None]:
        """Return leaves, chunks if these are known, and a name where that was not compared with h5py yet."""
        if layout.address is None or layout.chunks is None:
            nothing = np.empty(0, np.int64)
            wanted = selection.wanted if layout.address is not None else nothing
            chunks = _all(layout, wanted, (layout.address or 0) + wanted * layout.nbytes)
            return Nodes(nothing, nothing, nothing), chunks, index.unseen(repr((layout, self.base)))
        return index.known(self._tree(layout), selection.wanted)

    def _tree(self, layout: Layout) -> Tree:
        return Tree(self.location, self.stat, self.base, layout, self.head)

    def _gather(
        self, layout: Layout, selection: Selection, leaves: Nodes, chunks: Chunks | None
    ) -> tuple[NDArray[Any], Index]:
        """Return the values, and where they lie."""
        if chunks is None:
            tree = self._tree(layout)
            if worth(tree, selection):
                values, chunks = sweep(tree, leaves, selection)
                return values, Index(leaves, chunks)
            chunks = tree.chunks(leaves, selection.wanted)
        return gather(self.location, self.stat, selection, chunks), Index(leaves, chunks)

    def _sample(self, selection: Selection, rows: Numbers, places: Numbers) -> list[tuple[Any, NDArray[Any]]]:
        """Read one place of some chunks, drawn at random, by HDF5's library; say where it belongs."""
        seed = hashlib.sha256(self.stat.etag.encode()).digest()[:8]
        random, found = np.random.default_rng(int.from_bytes(seed, "little")), []
        with opened(self.location, self.stat, self.head) as file:
            data = file[self.key]
            for _ in range(SAMPLE):
                column, some = int(random.integers(len(places))), int(random.integers(len(selection.rows)))
                lines = selection.rows.target[selection.rows.of_group(some)]
                at = np.unravel_index(places[column : column + 1], self.shape[1:]) if self.shape[1:] else ()
                first, last = int(rows[lines].min()), int(rows[lines].max())
                part = np.asarray(data[(slice(first, last + 1), *(int(each[0]) for each in at))])
                found.append(((lines, column), part[rows[lines] - first]))
        return found

    def _whole(self, rows: Numbers, places: Numbers, reason: str) -> NDArray[Any]:
        _say(self.location.parent, self.location.name, reason)
        return read_whole(self.location, self.key, rows, places)


def open_dataset(location: Location, key: str, stat: Stat | None = None) -> Dataset:
    """Open a dataset of the root group by the first few KB of its file, once a process and version of it.

    Who has looked at the file gives its `stat`, and that version is opened.

    Raises
    ------
    Missing, Denied, Unreachable, Changed
        As the store says.
    Invalid
        If the file is truncated, damaged, no HDF5, or has no such dataset.
    """
    return _open(location, stat or location.stat(), key)


@lru_cache(maxsize=64)
def _open(location: Location, stat: Stat, key: str) -> Dataset:
    window = Window(location, stat)
    try:
        layout = _look(window, key)
    except NotOurs as why:
        return _through_library(location, stat, key, str(why))
    dtype = np.dtype(layout.dtype).newbyteorder("=")
    return Dataset(location, stat, key, layout.shape, dtype, layout, window.base, head=window.head())


def _look(window: Window, key: str) -> Layout:
    block = read_superblock(window)
    if block.extension is not None:
        raise NotOurs("a superblock with an extension")
    found = names(window, read_header(window, block.root))
    messages = read_header(window, found[key]) if key in found else {}
    if LAYOUT not in messages:
        raise Invalid(f"{window.location} has no dataset {key!r}; it has {', '.join(found) or 'none'}")
    return read_layout(window, messages, block.half)


def _through_library(location: Location, stat: Stat, key: str, reason: str) -> Dataset:
    with opened(location, stat) as file:
        data = file.get(key)
        if getattr(data, "shape", None) is None:
            raise Invalid(f"{location} has no dataset {key!r}; it has {', '.join(file) or 'none'}")
        return Dataset(location, stat, key, data.shape, data.dtype.newbyteorder("="), None, 0, reason)


def _all(layout: Layout, number: Numbers, address: Numbers) -> Chunks:
    return Chunks(number, address, np.full_like(number, layout.nbytes), np.zeros_like(number))


def _say(folder: Location, name: str, reason: str) -> None:
    """Tell, once for files of one folder, that they take longer than they need to."""
    with _lock:
        new = (folder, reason) not in _said
        _said.add((folder, reason))
    if new:
        said = "%s: %s; the whole file is read through h5py, as are others like it"
        logger.warning(said, folder / name, reason)
        remarks.notes.append(f"files in {folder} are read whole, through h5py ({reason})")


def _equal(ours: NDArray[Any], theirs: NDArray[Any]) -> bool:
    return bool(np.array_equal(ours, theirs, equal_nan=theirs.dtype.kind == "f"))


def check_inside(asked: Numbers, count: int) -> None:
    """Raise `IndexError` where a row or place is asked for that is none of so many."""
    if len(asked) and not (asked.min() >= 0 and asked.max() < count):
        raise IndexError(f"asked for {int(asked.min())} to {int(asked.max())} of {count}")
