"""One session as HDF5: dataset /betas, (trial, z, y, x) int16; NSD keeps each voxel's trials together."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Protocol

import numpy as np

from storage.errors import Invalid
from storage.sources.reading import reading

from .ranges import hdf5_header, on_disk

if TYPE_CHECKING:
    from collections.abc import Iterator

    from numpy.typing import NDArray

    from storage.remote import Location

    Stored = NDArray[np.int16]
    Places = NDArray[np.int32]

KEY = "betas"
PART = 32 * 2**20
"""Bytes that are read at once where a file is not laid out by voxels."""


class Format(Protocol):
    """What the module of each format offers."""

    def check(self, location: Location, trials: int, grid: tuple[int, int, int]) -> None:
        """Raise `Invalid` where a header does not promise these trials of this grid as int16."""

    def read(self, location: Location, places: Places, start: int, stop: int) -> Stored:
        """Return (trial, voxel) int16 of places (voxel, axis), trials start to stop."""


def check(location: Location, trials: int, grid: tuple[int, int, int]) -> None:
    """Check a session's header; a truncated file does not open.

    Raises
    ------
    Invalid
        If the file is cut or damaged, has no /betas, or one of another shape or type.
    """
    with hdf5_header(location) as file:
        data = file.get(KEY)
        if getattr(data, "shape", None) is None:
            raise Invalid(f"{location} has no dataset {KEY!r}; it has {', '.join(file) or 'none'}")
        compare(location, (data.shape[0], *data.shape[:0:-1]), data.dtype, (trials, *grid))


def compare(
    location: Location, found: tuple[int, ...], dtype: np.dtype[Any], expected: tuple[int, ...]
) -> None:
    """Raise `Invalid` where trials, x, y, z or type of a session are not what they must be."""
    if (dtype.kind, dtype.itemsize) != ("i", 2):
        raise Invalid(f"{location} holds {dtype}, expected int16 (percent signal change times 300)")
    if found != expected:
        have, want = (
            f"{shape[0]} trials of {' x '.join(map(str, shape[1:]))}" for shape in (found, expected)
        )
        raise Invalid(
            f"{location} holds {have} voxels, expected {want}, as responses.tsv and the brain mask have it"
        )


def read(location: Location, places: Places, start: int, stop: int) -> Stored:
    """Read some voxels and trials of a session.

    Parameters
    ----------
    location : Location
        The file; a remote one is on this machine while it is read.
    places : ndarray
        (voxel, axis) int32: x, y, z.
    start, stop : int
        Trials.

    Returns
    -------
    ndarray
        (trial, voxel) int16.
    """
    import h5py

    with on_disk(location) as path, reading(str(location)), h5py.File(path, "r") as file:
        data = file[KEY]
        by_voxel = data.chunks == (data.shape[0], 1, 1, 1)
        if by_voxel and data.id.get_create_plist().get_nfilters() == 0:
            return _by_voxel(data, places, start, stop)
        return _by_slab(data, places, start, stop)


def _by_voxel(data: Any, places: Places, start: int, stop: int) -> Stored:
    """Read the chunk of each voxel as it is stored, in the order of the file."""
    found = np.empty((len(places), stop - start), np.int16)
    for at in np.lexsort(places.T).tolist():
        x, y, z = places[at].tolist()
        found[at] = _chunk(data, z, y, x)[start:stop]
    return np.ascontiguousarray(found.T)


def _chunk(data: Any, z: int, y: int, x: int) -> NDArray[Any]:
    try:
        stored = data.id.read_direct_chunk((0, z, y, x))[1]
    except RuntimeError:  # a chunk that was never written has no bytes, but a value; or the file is damaged
        return np.asarray(data[:, z, y, x])
    values: NDArray[Any] = np.frombuffer(stored, data.dtype)
    if len(values) != data.shape[0]:
        raise Invalid(f"voxel ({x}, {y}, {z}) has {len(values)} trials, expected {data.shape[0]}")
    return values


def _by_slab(data: Any, places: Places, start: int, stop: int) -> Stored:
    """Read boxes around the voxels, a few planes and trials at once, whole chunks where there are chunks."""
    found = np.empty((stop - start, len(places)), np.int16)
    chunk = data.chunks or (1, data.shape[1], 1, 1)
    for inside, (z, y, x) in _slabs(places, chunk[1]):
        volume = 2 * (z.stop - z.start) * (y.stop - y.start) * (x.stop - x.start)
        step = max(1, PART // (volume * chunk[0])) * chunk[0]
        at = tuple((places[inside] - (x.start, y.start, z.start)).T[::-1])
        for first in range(start, stop, step):
            last = min(first + step, stop)
            part = data[first:last, z, y, x]
            found[first - start : last - start, inside] = part[(slice(None), *at)]
    return found


def _slabs(places: Places, height: int) -> Iterator[tuple[NDArray[np.intp], tuple[slice, slice, slice]]]:
    """Yield which voxels lie in each slab of planes, and the box (z, y, x) around them."""
    slab = places[:, 2] // height
    for number in np.unique(slab):
        inside = np.flatnonzero(slab == number)
        low, high = places[inside].min(axis=0).tolist(), places[inside].max(axis=0).tolist()
        x, y, z = (slice(first, last + 1) for first, last in zip(low, high, strict=True))
        yield inside, (z, y, x)
