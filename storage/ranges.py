"""Byte ranges of one file: which of them are fetched together, and in which pieces."""

from __future__ import annotations

from itertools import pairwise
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from numpy.typing import NDArray

    Bytes = NDArray[np.int64]

PIECE = 8 * 2**20
"""Bytes asked for in one request; larger ones outlast obstore's 30 s timeout on slow lines."""
GAP = 16 * 2**10
"""Bytes between two wanted ranges that are rather read than asked around, where requests take 20 to 30 ms."""
WASTE = 0.25
"""Most bytes read between wanted ranges, as a share of the wanted ones."""
DENSE = 0.5
"""Share of a stretch above which it is read as a stream, with gaps up to `DENSE_GAP`."""
DENSE_GAP = 128 * 2**10
"""Bytes that take as long as a request: 0.3 ms of a core, and its share of 20 to 30 ms of latency."""
MUCH = 0.25
"""Share of a file from which on reading it costs less than asking around what is not wanted."""


def coalesce(
    starts: Bytes, stops: Bytes, gap: int = GAP, most: int = PIECE, whole: int | None = None
) -> Bytes:
    """Group ranges so that each group is one request.

    Neighbours are joined where at most `gap` bytes lie between them, the closest first, until what lies
    between comes to a quarter of what is wanted: few requests, and a bound on the bytes for any mask. Where
    more than half of a stretch or a quarter of the file is wanted, all gaps up to 128 KiB are read.

    Parameters
    ----------
    starts, stops : ndarray
        (range) int64, bytes, ascending and apart.
    gap, most : int
        Bytes: the widest gap joined, the longest group. A longer range is a group by itself.
    whole : int, optional
        Bytes of the file.

    Returns
    -------
    ndarray
        (group + 1) int64: group k is ranges ``edges[k]`` to ``edges[k + 1]``.
    """
    if not len(starts):
        return np.zeros(1, np.int64)
    gaps, wanted = starts[1:] - stops[:-1], int((stops - starts).sum())
    dense = wanted > DENSE * int(stops[-1] - starts[0]) or much(wanted, whole)
    joined = gaps <= (DENSE_GAP if dense else gap)
    if not dense:
        order = np.argsort(gaps, kind="stable")
        joined[order[np.cumsum(gaps[order]) > WASTE * wanted]] = False
    runs = [0, *(np.flatnonzero(~joined) + 1).tolist(), len(starts)]
    edges = [0]
    for first, last in pairwise(runs):
        edges.extend(_cut(starts, stops, first, last, most))
    return np.array(edges, np.int64)


def much(wanted: int, whole: int | None) -> bool:
    """Tell whether so much of a file is wanted that it is best read as a stream."""
    return whole is not None and wanted >= MUCH * whole


def _cut(starts: Bytes, stops: Bytes, first: int, last: int, most: int) -> Iterator[int]:
    """Yield where each group of a run ends: as many ranges as fit, at least one."""
    while first < last:
        first = max(first + 1, min(last, int(np.searchsorted(stops, starts[first] + most, side="right"))))
        yield first


def requests(spans: Sequence[tuple[int, int]], most: int = PIECE) -> Iterator[tuple[int, int, bool]]:
    """Yield (start, length, last) of each request: long spans are cut, `last` says that a span ends.

    >>> list(requests([(0, 5), (7, 2)], most=3))
    [(0, 3, False), (3, 2, True), (7, 2, True)]
    """
    for start, length in spans:
        stop = start + length
        for first in range(start, stop, most):
            yield first, min(most, stop - first), first + most >= stop
        if not length:
            yield start, 0, True
