"""From the bytes of chunks to the rows and places that were asked for."""

from __future__ import annotations

import zlib
from typing import TYPE_CHECKING, Any

import numpy as np

from storage.errors import Invalid
from storage.ranges import PIECE, coalesce
from storage.spilling import release, zeros

from .filters import undo
from .selection import beside, tight

if TYPE_CHECKING:
    from collections.abc import Iterator

    from numpy.typing import NDArray

    from storage.remote import Location
    from storage.transfer import Stat

    from .entries import Chunks
    from .selection import Extents, Selection

    Numbers = NDArray[np.int64]

TOGETHER = 2**20
"""Bytes put where they belong at once: one by one, numpy takes longer to begin than to copy a few chunks."""
PASSED = 3 * PIECE
"""Bytes that pass before memory is released: some 30 MB of pages, and half the page faults (measured)."""


def gather(location: Location, stat: Stat, selection: Selection, chunks: Chunks) -> NDArray[Any]:
    """Fetch chunks by ranges, and return what is wanted of them.

    Parameters
    ----------
    location, stat : Location, Stat
        The file.
    selection : Selection
        Rows and places.
    chunks : Chunks
        Where the chunks lie that were ever written.

    Returns
    -------
    ndarray
        (row, place) of the dataset's type, in this machine's byte order.

    Raises
    ------
    Changed
        If the file was written meanwhile.
    Invalid
        If a chunk is damaged, or chunks lie over each other.
    """
    found = blank(selection)
    fill(found, location, stat, selection, chunks)
    return found


def blank(selection: Selection) -> NDArray[Any]:
    """Return (row, place) of what was never written; a place's rows lie together if the file has them so."""
    dtype = np.dtype(selection.layout.dtype)
    shape = selection.shape[::-1] if alone(selection) else selection.shape
    found, value = zeros(shape, dtype.newbyteorder("=")), np.frombuffer(selection.layout.fill, dtype)[0]
    if value:
        found[...] = value
    return found.T if alone(selection) else found


def alone(selection: Selection) -> bool:
    """Tell whether a chunk is rows of one place, as they are stored."""
    plain = selection.width == 1 and not selection.layout.filters
    return plain and len(selection.places) == selection.shape[1]


def fill(found: NDArray[Any], location: Location, stat: Stat, selection: Selection, chunks: Chunks) -> None:
    """Fetch chunks by ranges, and put what is wanted of them into (row, place)."""
    extents = selection.extents(chunks)
    insist_apart(location, extents)
    passed = 0
    for some, offset, content in _joined(location, stat, extents):
        take(found, location, selection, extents[some], offset, content)
        passed = let_go(found, passed + len(content))


def let_go(found: NDArray[Any], passed: int) -> int:
    """Release the memory of what was taken once enough has passed, and return what has passed since.

    Neighbours of a place lie a row of the volume further on: a page that is released before they come is
    mapped again for each.
    """
    if passed < PASSED:
        return passed
    release(found)
    return 0


def insist_apart(location: Location, extents: Extents) -> None:
    """Raise `Invalid` where chunks lie over each other."""
    if (extents.start[1:] < extents.stop[:-1]).any():
        raise Invalid(f"chunks of {location} lie over each other; the file is damaged: get it again")


def take(
    found: NDArray[Any],
    location: Location,
    selection: Selection,
    extents: Extents,
    offset: Numbers,
    content: bytes | memoryview,
) -> None:
    """Put extents, each of which begins in `content` at its offset (extent), where they belong."""
    how = _take_voxels if alone(selection) else _take_chunks
    try:
        how(found, selection, extents, offset, content)
    except (ValueError, zlib.error) as fault:
        raise Invalid(f"{location} cannot be read ({fault}); the file is damaged: get it again") from None


def spans_of(extents: Extents, whole: int) -> tuple[Numbers, list[tuple[int, int]]]:
    """Return which extents of a file of so many bytes are fetched together, and (start, length) of each."""
    edges = coalesce(extents.start, extents.stop, whole=whole)
    starts, stops = extents.start[edges[:-1]].tolist(), extents.stop[edges[1:] - 1].tolist()
    return edges, [(start, stop - start) for start, stop in zip(starts, stops, strict=True)]


def _joined(location: Location, stat: Stat, extents: Extents) -> Iterator[tuple[slice, Numbers, bytes]]:
    """Yield which extents come, where each begins in what came, and that: small requests some at a time."""
    edges, spans = spans_of(extents, stat.size)
    starts, lengths = np.array(spans, np.int64).reshape(-1, 2).T
    ends = np.cumsum(lengths)  # in all that comes, one request behind the other
    offset = extents.start + np.repeat(ends - lengths - starts, np.diff(edges))
    first, parts = 0, list[bytes]()
    for number, content in enumerate(location.ranges(spans, stat.etag), 1):
        parts.append(content)
        before = int(ends[first] - lengths[first])
        if ends[number - 1] - before >= TOGETHER or number == len(spans):
            some = slice(int(edges[first]), int(edges[number]))
            yield some, offset[some] - before, parts[0] if len(parts) == 1 else b"".join(parts)
            first, parts = number, []


def _take_voxels(
    found: NDArray[Any], selection: Selection, extents: Extents, offset: Numbers, content: bytes | memoryview
) -> None:
    """Take chunks that hold rows of one place each: all that have the same rows at once."""
    dtype, view = np.dtype(selection.layout.dtype), np.frombuffer(content, np.uint8)
    for row in np.unique(extents.row).tolist():
        here = extents.row == row
        top, bottom = selection.rows.low[row], selection.rows.high[row]
        window = np.lib.stride_tricks.sliding_window_view(view, int(bottom + 1 - top) * dtype.itemsize)
        values = window[offset[here]].view(dtype)
        rows, inside = selection.rows.indices(row)
        target = tight(selection.places.target[extents.place[here]])
        _put(found.T, target, rows, values[:, beside(inside, int(top))])


def _take_chunks(
    found: NDArray[Any], selection: Selection, extents: Extents, offset: Numbers, content: bytes | memoryview
) -> None:
    """Take chunks one by one."""
    layout, lengths = selection.layout, extents.stop - extents.start
    for at, (start, length) in enumerate(zip(offset.tolist(), lengths.tolist(), strict=True)):
        row, place = int(extents.row[at]), int(extents.place[at])
        part = memoryview(content)[start : start + length]
        if layout.filters:
            part = memoryview(undo(bytes(part), layout.filters, int(extents.skipped[at]), layout.nbytes))
        top, left, width = selection.corner(row, place)
        values = np.frombuffer(part, layout.dtype).reshape(-1, width)
        rows, inside = selection.rows.indices(row)
        places, across = selection.places.indices(place)
        _put(found, rows, places, values[beside(inside, top)][:, beside(across, left)])


def _put(found: NDArray[Any], rows: Any, places: Any, values: NDArray[Any]) -> None:
    """Put values at tight indices."""
    if isinstance(rows, slice) or isinstance(places, slice):
        found[rows, places] = values
    else:
        found[np.ix_(rows, places)] = values
