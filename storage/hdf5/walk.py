"""Rows of a dataset one after the other, others on their way meanwhile."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from storage.fetching import HELD

from .dataset import check_inside
from .ranged import opened

if TYPE_CHECKING:
    from collections.abc import Iterator

    from numpy.typing import ArrayLike, NDArray

    from .dataset import Dataset
    from .layout import Layout

READY = HELD // 2
"""Bytes asked for and not yet taken: the caller holds what he makes of them beside."""
TOGETHER = 64
"""Rows that are read at once where they are no ranges of the file."""


def walk(dataset: Dataset, rows: ArrayLike) -> Iterator[NDArray[Any]]:
    """Yield some rows whole, in turn; where each is a range of the file, they come without a pause between.

    Parameters
    ----------
    dataset : Dataset
        Whose.
    rows : array_like
        (row) whole numbers along the first axis.

    Yields
    ------
    ndarray
        A row, of the shape of the other axes. It may not be written into.

    Raises
    ------
    Missing, Denied, Unreachable, Changed
        As the store says.
    Invalid
        If the file is truncated or damaged.
    """
    wanted, layout = np.asarray(rows, np.int64), dataset.layout
    check_inside(wanted, dataset.shape[0])
    if layout is None or layout.address is None or not _in_one_run(dataset, layout):
        for at in range(0, len(wanted), TOGETHER):
            yield from dataset.read(wanted[at : at + TOGETHER]).reshape(-1, *dataset.shape[1:])
        return
    spans = [(layout.address + row * layout.nbytes, layout.nbytes) for row in wanted.tolist()]
    for content in dataset.location.ranges(spans, dataset.stat.etag, READY):
        row = np.frombuffer(content, layout.dtype).reshape(dataset.shape[1:])
        yield row.astype(dataset.dtype, copy=False)


def _in_one_run(dataset: Dataset, layout: Layout) -> bool:
    """Tell whether all rows lie one after the other, and begin where HDF5's library says."""
    if layout.chunks is not None or layout.address is None:
        return False
    with opened(dataset.location, dataset.stat, dataset.head) as file:
        return bool(file[dataset.key].id.get_offset() == layout.address)
