"""A session as HDF5: /betas, (trial, z, y, x) or (trial, vertex) int16; a voxel's trials lie together."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Protocol

import numpy as np

from storage.errors import Invalid
from storage.hdf5 import open_dataset

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from storage.remote import Location
    from storage.transfer import Stat

    Places = NDArray[np.int32]

KEY = "betas"


class Format(Protocol):
    """What the module of each format offers."""

    def check(self, location: Location, stat: Stat, trials: int, grid: tuple[int, ...]) -> None:
        """Raise `Invalid` where the header of a version of a file does not promise these trials and grid."""

    def moved(self, location: Location, stat: Stat, places: Places) -> int:
        """Return about how many bytes reading all trials of places (voxel, axis) takes."""

    def read(self, location: Location, stat: Stat, places: Places, start: int, stop: int) -> NDArray[Any]:
        """Return (trial, voxel) of places (voxel, axis), trials start to stop, of that version."""


def check(location: Location, stat: Stat, trials: int, grid: tuple[int, ...]) -> None:
    """Check a session's header; it tells how long the file must be.

    Raises
    ------
    Invalid
        If the file is cut or damaged, has no /betas, or one of another shape or type.
    """
    data = open_dataset(location, KEY, stat)
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


def read(location: Location, stat: Stat, places: Places, start: int, stop: int) -> NDArray[np.int16]:
    """Read some voxels and trials of a session, by the bytes they lie in.

    Parameters
    ----------
    location, stat : Location, Stat
        The file, and the version of it that was checked.
    places : ndarray
        (voxel, axis) int32: x, y, z, or the vertex.
    start, stop : int
        Trials.

    Returns
    -------
    ndarray
        (trial, voxel) int16.
    """
    data = open_dataset(location, KEY, stat)
    return np.asarray(data.read(np.arange(start, stop), _flat(data.shape, places)))


def moved(location: Location, stat: Stat, places: Places) -> int:
    """Return about how many bytes reading all trials of some voxels takes."""
    data = open_dataset(location, KEY, stat)
    return data.moved(data.shape[0], _flat(data.shape, places))


def _flat(shape: tuple[int, ...], places: Places) -> NDArray[Any]:
    return np.asarray(np.ravel_multi_index(tuple(places.T[::-1]), shape[1:]))
