"""A quarter of a file and more, read once from front to back: its index is taken out of what passes."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from storage.ranges import DENSE_GAP, PIECE, coalesce, much, requests

from .entries import Chunks
from .gather import blank, fill, insist_apart, let_go, take

if TYPE_CHECKING:
    from collections.abc import Iterator

    from numpy.typing import NDArray

    from .entries import Nodes
    from .selection import Selection
    from .tree import Tree

STRIDE = PIECE // 2
"""Bytes a request."""
HELD = 12 * STRIDE
"""Bytes on their way: less than elsewhere, as what is taken needs memory too, and over more lines."""
NEAR = PIECE // 8
"""Bytes up to which a leaf and its chunks are looked for beside each other."""


def worth(tree: Tree, selection: Selection) -> bool:
    """Tell whether much of a file is wanted in chunks so small that their index is long."""
    useful = selection.shape[0] * selection.shape[1] * tree.layout.itemsize
    return not tree.layout.filters and _reach(tree) <= NEAR and much(useful, tree.stat.size)


def _reach(tree: Tree) -> int:
    """Return the bytes of a leaf and of all its chunks: HDF5 writes them beside each other."""
    return tree.node_bytes + 2 * tree.layout.half * tree.layout.nbytes


def sweep(tree: Tree, leaves: Nodes, selection: Selection) -> tuple[NDArray[Any], Chunks]:
    """Read the stretches of the file where leaves lie, and what is wanted of the chunks that pass.

    Chunks that lie elsewhere than near their leaf are fetched afterwards.

    Parameters
    ----------
    tree : Tree
        The file's.
    leaves : Nodes
        Those below which chunks are wanted.
    selection : Selection
        Rows and places.

    Returns
    -------
    values, chunks : ndarray, Chunks
        (row, place) in this machine's byte order; where the wanted chunks lie that were ever written.

    Raises
    ------
    Changed
        If the file was written meanwhile.
    Invalid
        If the tree is damaged, or chunks lie over each other.
    """
    leaves, found, every, waiting = tree.in_file(leaves), blank(selection), [], Chunks.of([])
    parsed = passed = 0
    for start, content in _passing(tree, leaves):
        stop = start + len(content)
        here = int(np.searchsorted(leaves.address, stop - tree.node_bytes, side="right"))
        every.append(_read(tree, leaves[parsed:here], start, content, selection))
        waiting, parsed = Chunks.of([waiting, every[-1]]), here
        inside = (waiting.address >= start) & (waiting.address + waiting.nbytes <= stop)
        if inside.any():
            extents = selection.extents(waiting[inside])
            insist_apart(tree.location, extents)
            take(found, tree.location, selection, extents, extents.start - start, content)
        passed = let_go(found, passed + len(content))
        waiting = waiting[~inside]
    fill(found, tree.location, tree.stat, selection, waiting)
    chunks = Chunks.of(every)
    insist_apart(tree.location, selection.extents(chunks))
    return found, chunks


def _passing(tree: Tree, leaves: Nodes) -> Iterator[tuple[int, bytes]]:
    """Yield where it starts, and content: each piece behind the end of the one before."""
    reach, end, tail = _reach(tree), -1, b""
    starts = np.maximum(leaves.address - reach, 0)
    stops = np.minimum(leaves.address + reach, tree.stat.size)
    edges = coalesce(starts, stops, DENSE_GAP, tree.stat.size, tree.stat.size)
    ends = zip(starts[edges[:-1]].tolist(), stops[edges[1:] - 1].tolist(), strict=True)
    stretches = [(first, last - first) for first, last in ends]
    spans = [(start, length) for start, length, _ in requests(stretches, STRIDE)]
    pieces = tree.location.ranges(spans, tree.stat.etag, HELD)
    for (start, length), piece in zip(spans, pieces, strict=True):
        content = tail + piece if start == end else piece
        end = start + length
        yield end - len(content), content
        tail = content[-reach:]


def _read(tree: Tree, leaves: Nodes, start: int, content: bytes, selection: Selection) -> Chunks:
    if not len(leaves):
        return Chunks.of([])
    window = np.lib.stride_tricks.sliding_window_view(np.frombuffer(content, np.uint8), tree.node_bytes)
    return tree.chunks_in(leaves, window[leaves.address - start], selection.wanted)
