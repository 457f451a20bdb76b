"""Files that only the HDF5 library reads: copied to this machine, and read by it."""

from __future__ import annotations

import tempfile
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from storage.errors import Invalid
from storage.reading import reading

if TYPE_CHECKING:
    from collections.abc import Iterator

    from numpy.typing import NDArray

    from storage.remote import Location

    Numbers = NDArray[np.int64]

PART = 32 * 2**20
"""Bytes that are read at once where a dataset is not laid out by places."""


@contextmanager
def on_disk(location: Location) -> Iterator[Path]:
    """Have a file on this machine; the copy of a remote one is removed afterwards.

    Raises
    ------
    Changed
        If the file was written while it was fetched.
    NotWritten
        If the temporary folder cannot take it.
    """
    if location.is_local:
        location.stat()
        yield location.local
        return
    with tempfile.TemporaryDirectory(prefix="vox2pix-") as folder:
        path = Path(folder, location.name)
        location.fetch(path)
        yield path


def read_whole(location: Location, key: str, rows: Numbers, places: Numbers) -> NDArray[Any]:
    """Return (row, place) of a dataset, read by h5py from a file on this machine.

    Raises
    ------
    Invalid
        If it is damaged.
    """
    import h5py

    with on_disk(location) as path, reading(str(location)), h5py.File(path, "r") as file:
        data = file[key]
        found = np.empty((len(rows), len(places)), data.dtype.newbyteorder("="))
        if not found.size:
            return found
        alone = data.ndim > 1 and data.chunks is not None and data.chunks[1:] == (1,) * (data.ndim - 1)
        if alone and data.chunks[0] == data.shape[0] and not data.id.get_create_plist().get_nfilters():
            _by_place(data, rows, places, found)
        else:
            _by_slab(data, rows, places, found)
        return found


def _by_place(data: Any, rows: Numbers, places: Numbers, found: NDArray[Any]) -> None:
    """Read the chunk of each place as it is stored, in the order of the file."""
    order = np.argsort(places)
    for at, corner in zip(order.tolist(), _corners(data, places[order]), strict=True):
        found[:, at] = _chunk(data, corner)[rows]


def _corners(data: Any, places: Numbers) -> Iterator[tuple[int, ...]]:
    at = np.unravel_index(places, data.shape[1:])
    yield from zip(*(each.tolist() for each in at), strict=True)


def _chunk(data: Any, corner: tuple[int, ...]) -> NDArray[Any]:
    try:
        stored = data.id.read_direct_chunk((0, *corner))[1]
    except (RuntimeError, OSError, MemoryError):  # never written, so that there is a value, but no bytes
        return np.asarray(data[(slice(None), *corner)])
    values: NDArray[Any] = np.frombuffer(stored, data.dtype)
    if len(values) != data.shape[0]:
        raise Invalid(f"the chunk at {corner} has {len(values)} values, expected {data.shape[0]}")
    return values


def _by_slab(data: Any, rows: Numbers, places: Numbers, found: NDArray[Any]) -> None:
    """Read boxes around the places, some rows at once, whole chunks where there are chunks."""
    chunk = data.chunks or (1,) * data.ndim
    for which, box, inside in _slabs(data, places, chunk):
        volume = data.dtype.itemsize * int(np.prod([each.stop - each.start for each in box] or [1]))
        step = max(1, PART // (volume * chunk[0])) * chunk[0]
        for first in np.unique(rows // step * step).tolist():
            here = np.flatnonzero((rows >= first) & (rows < first + step))
            part = data[(slice(first, first + step), *box)].reshape(-1, volume // data.dtype.itemsize)
            found[np.ix_(here, which)] = part[np.ix_(rows[here] - first, inside)]


def _slabs(
    data: Any, places: Numbers, chunk: tuple[int, ...]
) -> Iterator[tuple[Numbers, tuple[slice, ...], Numbers]]:
    """Yield which places lie in each slab along the second axis, the box around them, and where in it."""
    if data.ndim == 1:
        yield np.arange(len(places)), (), np.zeros_like(places)
        return
    at = np.stack(np.unravel_index(places, data.shape[1:]))
    slab = at[0] // chunk[1]
    for number in np.unique(slab):
        which = np.flatnonzero(slab == number)
        low, high = at[:, which].min(axis=1), at[:, which].max(axis=1) + 1
        inside = np.ravel_multi_index(tuple(at[:, which] - low[:, None]), tuple((high - low).tolist()))
        yield which, tuple(slice(*ends) for ends in zip(low.tolist(), high.tolist(), strict=True)), inside
