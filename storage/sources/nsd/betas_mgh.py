"""One hemisphere's session on fsaverage as .mgh: (vertex, trial) float32 in percent, NaN where unmeasured."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from storage.errors import Invalid
from storage.hdf5 import read_run
from storage.spilling import release

from .mgh import BYTES, read_header

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from storage.remote import Location
    from storage.transfer import Stat

STRIP = 4096
"""Vertices that are looked through for NaN at once."""


def check(location: Location, stat: Stat, trials: int, grid: tuple[int, ...]) -> None:
    """Check a session's header, and that the file is as long as it says.

    Raises
    ------
    Invalid
        If the file is cut or damaged, or of another shape or type.
    """
    header = read_header(location, location.read(0, BYTES, stat.etag))
    if header.dtype != ">f4":
        raise Invalid(f"{location} holds {header.dtype}, expected float32 (percent signal change)")
    if (header.frames, header.vertices) != (trials, *grid):
        found = f"{header.frames} trials of {header.vertices} vertices"
        raise Invalid(f"{location} holds {found}, expected {trials} of {grid[0]}, as its labels have it")
    if stat.size < header.nbytes:
        found = f"{location} has {stat.size} bytes of {header.nbytes}"
        raise Invalid(f"{found}; the file is truncated: get it again")


def read(
    location: Location, stat: Stat, places: NDArray[np.int32], start: int, stop: int
) -> NDArray[np.float32]:
    """Read some vertices and trials of a session, by the bytes they lie in.

    A vertex that was not measured is NaN in all trials. It becomes 0 in all, as NSD's int16 files have it;
    product `validity` then says that it holds no data.

    Parameters
    ----------
    location, stat : Location, Stat
        The file, and the version of it that was checked.
    places : ndarray
        (vertex, 1) int32.
    start, stop : int
        Trials.

    Returns
    -------
    ndarray
        (trial, vertex) float32, percent signal change.

    Raises
    ------
    Invalid
        If a vertex is NaN in some trials only, or infinite.
    """
    header = read_header(location, location.read(0, BYTES, stat.etag))
    shape, rows = (header.frames, header.vertices), np.arange(start, stop)
    found: NDArray[np.float32] = read_run(location, stat, shape, header.dtype, BYTES, rows, places[:, 0])
    for first in range(0, len(places), STRIP):
        _without_nan(location, found[:, first : first + STRIP], places[first : first + STRIP, 0])
        release(found)
    return found


def moved(location: Location, stat: Stat, places: NDArray[np.int32]) -> int:  # noqa: ARG001  (the format's)
    """Return how many bytes a session takes: any region spreads over nearly all of a trial's vertices."""
    return stat.size


def _without_nan(location: Location, values: NDArray[np.float32], vertex: NDArray[np.int32]) -> None:
    bad = ~np.isfinite(values)
    if not bad.any():
        return
    never = np.isnan(values).all(axis=0)
    if (partly := np.flatnonzero(bad.any(axis=0) & ~never)).size:
        found = f"vertex {vertex[partly[0]]} of {location} is NaN or infinite in some trials"
        raise Invalid(f"{found}, expected in none or, as NaN, in all of a session: get it again")
    values[:, never] = 0
