"""The file of pictures as a lazy array of xarray's."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from xarray.backends import BackendArray
from xarray.core import indexing

from .stimuli import NsdPictures, read_brick

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from storage.remote import Location

AT_ONCE = 64
"""Pictures that are held whole while a part of each is cut out: 35 MB of NSD's."""


class PictureArray(BackendArray):
    """The file of pictures as xarray wants a lazy array: (image, y, x, channel) uint8.

    Parameters
    ----------
    location : Location
        The file; a picture is one range of it.
    """

    dtype = np.dtype(np.uint8)

    def __init__(self, location: Location) -> None:
        self.location = location
        image, y, x, channel = read_brick(location).shape
        self.shape = (image, y, x, channel)

    def __getitem__(self, key: indexing.ExplicitIndexer) -> Any:
        return indexing.explicit_indexing_adapter(key, self.shape, indexing.IndexingSupport.OUTER, self._read)

    def _read(self, key: tuple[Any, ...]) -> NDArray[np.uint8]:
        """Return what an outer indexer asks for: an integer, a slice or an array for each axis."""
        image, *inside = key
        rows = np.atleast_1d(np.arange(self.shape[0], dtype=np.int32)[image])
        parts = [self._cut(rows[at : at + AT_ONCE], inside) for at in range(0, len(rows), AT_ONCE)]
        found = np.concatenate(parts) if parts else self._cut(rows, inside)
        return found[0] if np.ndim(image) == 0 and not isinstance(image, slice) else found

    def _cut(self, rows: NDArray[np.int32], inside: list[Any]) -> NDArray[np.uint8]:
        none = np.zeros(len(rows), bool)
        found = NsdPictures(self.location, rows, none, self.shape[1:]).read(0, len(rows))
        for axis in (3, 2, 1):  # the last first: an integer takes its axis away
            found = found[(slice(None),) * axis + (inside[axis - 1],)]
        return found


def lazily_indexed(location: Location) -> indexing.LazilyIndexedArray:
    """Return the file of pictures, read when and where it is indexed."""
    return indexing.LazilyIndexedArray(PictureArray(location))
