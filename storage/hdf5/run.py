"""An array that lies in one run of its file, behind a header of whatever format."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from .entries import Chunks
from .gather import gather
from .layout import Layout
from .selection import Selection

if TYPE_CHECKING:
    from numpy.typing import ArrayLike, NDArray

    from storage.remote import Location
    from storage.transfer import Stat


def read_run(
    location: Location,
    stat: Stat,
    shape: tuple[int, ...],
    dtype: str,
    address: int,
    rows: ArrayLike,
    places: ArrayLike,
) -> NDArray[Any]:
    """Return some rows and places of an array in C order, reading little else.

    Parameters
    ----------
    location, stat : Location, Stat
        The file, and the version of it whose header was read.
    shape : tuple of int
        Of all axes; the first is called row, the others together place.
    dtype : str
        As numpy spells it, with its byte order.
    address : int
        The byte where the array begins.
    rows, places : array_like
        Whole numbers along the first axis; flat C-order indices into the other axes.

    Returns
    -------
    ndarray
        (row, place) in this machine's byte order.

    Raises
    ------
    Missing, Denied, Unreachable, Changed
        As the store says.
    Invalid
        If the file ends before the array does.
    """
    layout = Layout(shape, dtype, None, address, 0, (), bytes(np.dtype(dtype).itemsize))
    selection = Selection(layout, np.asarray(rows, np.int64), np.asarray(places, np.int64))
    if not all(selection.shape):
        return np.empty(selection.shape, np.dtype(dtype).newbyteorder("="))
    wanted = selection.wanted
    at = address + wanted * layout.nbytes
    chunks = Chunks(wanted, at, np.full_like(wanted, layout.nbytes), np.zeros_like(wanted))
    return gather(location, stat, selection, chunks)
