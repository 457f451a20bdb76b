"""Where the chunks of a mask lie, found once and checked for each file that looks alike."""

from __future__ import annotations

import hashlib
import threading
from collections import OrderedDict
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from . import shelf
from .entries import Chunks, Nodes

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from .layout import Layout
    from .tree import Tree

    Numbers = NDArray[np.int64]

SPOT = 8
"""Leaves read of a file to see that a kept index is true of it."""
WORTH = 64
"""Leaves from which on an index is kept on disk: fewer are read again as quickly."""
KEPT = 8
"""Indexes kept in a process."""


@dataclass(frozen=True)
class Index:
    """Where chunks lie, and the leaves that say so.

    Attributes
    ----------
    leaves : Nodes
        The leaves of the tree below which chunks are wanted.
    chunks : Chunks
        Those of the wanted chunks that were ever written.
    """

    leaves: Nodes
    chunks: Chunks


_kept: OrderedDict[str, Index] = OrderedDict()
_lock = threading.Lock()


def known(tree: Tree, wanted: Numbers) -> tuple[Nodes, Chunks | None, str | None]:
    """Return the leaves of the wanted chunks, where these lie if that is known, and the index's name if not.

    Files of one subject, written by one program in one order, lay their chunks out alike, so an index found
    in one serves all. It is taken for another file of equal size only where that file's inner nodes are
    the same, which name every leaf and what is below it, and eight leaves drawn at random hold what
    they should. Chunks that go through filters differ in length from file to file: their index is not kept.

    Parameters
    ----------
    tree : Tree
        The file's.
    wanted : ndarray
        (chunk) int64, numbers in C order of the grid, ascending.

    Raises
    ------
    Invalid
        If the tree is damaged.
    """
    leaves = tree.leaves(wanted)
    name = _name(tree, wanted)
    if tree.layout.filters:
        return leaves, None, unseen(name)
    kept = _take(name)
    if kept is not None and _holds(tree, kept, leaves, wanted):
        return leaves, kept.chunks, None
    return leaves, None, name


def unseen(name: str) -> str | None:
    """Return the name of a layout that needs no index, unless it was compared already."""
    with _lock:
        return None if name in _kept else name


def keep(name: str, index: Index, layout: Layout) -> None:
    """Keep an index whose values were compared with what HDF5's library reads.

    Parameters
    ----------
    name : str
        From `known` or `unseen`.
    index : Index
        It.
    layout : Layout
        The dataset's.
    """
    if layout.filters or layout.chunks is None:
        nothing = np.empty(0, np.int64)
        _put(name, Index(Nodes(*[nothing] * 3), Chunks(*[nothing] * 4)))  # the name is enough
        return
    _put(name, index)
    if len(index.leaves) >= WORTH:
        leaves, chunks = index.leaves, index.chunks
        parts = [leaves.address, leaves.low, leaves.high, chunks.number, chunks.address]
        shelf.put(name, [*parts, np.array([layout.nbytes])])


def _take(name: str) -> Index | None:
    with _lock:
        if name in _kept:
            _kept.move_to_end(name)
            return _kept[name]
    found = shelf.get(name)
    if found is None or len(found) != 6:
        return None
    *leaves, number, address, nbytes = found
    same = np.full(len(number), nbytes[0])
    index = Index(Nodes(*leaves), Chunks(number, address, same, np.zeros_like(number)))
    _put(name, index)
    return index


def _put(name: str, index: Index) -> None:
    with _lock:
        _kept[name] = index
        while len(_kept) > KEPT:
            _kept.popitem(last=False)


def _name(tree: Tree, wanted: Numbers) -> str:
    """Return what an index is of: layout, size of the file, and which chunks."""
    about = repr((tree.layout, tree.base, tree.stat.size)).encode()
    return hashlib.sha256(about + wanted.astype("<i8").tobytes()).hexdigest()[:40]


def _holds(tree: Tree, kept: Index, leaves: Nodes, wanted: Numbers) -> bool:
    """Tell whether an index is true of a file, as far as some of its leaves show."""
    if not leaves.same(kept.leaves):
        return False
    seed = int.from_bytes(hashlib.sha256(f"{tree.location} {tree.stat.etag}".encode()).digest()[:8], "little")
    some = np.sort(np.random.default_rng(seed).permutation(len(leaves))[:SPOT])
    sample = leaves[some]
    number = kept.chunks.number
    inside = [np.arange(*np.searchsorted(number, ends)) for ends in zip(sample.low, sample.high, strict=True)]
    expected = np.sort(np.concatenate([number[:0], *inside]))  # leaves come in the order of the file
    found = tree.chunks(sample, wanted)
    return np.array_equal(found.number, number[expected]) and np.array_equal(
        found.address, kept.chunks.address[expected]
    )
