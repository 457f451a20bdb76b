"""Stack: pictures of some rows, read from a product when they are asked for."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from ..metrics.table import CHUNK

if TYPE_CHECKING:
    import xarray as xr


@dataclass(frozen=True)
class Stack:
    """Pictures by row: a `pipeline.metrics.Stack`.

    Parameters
    ----------
    picture
        (image or row, y, x, channel) uint8, lazy.
    at
        Where the picture of each row stands in it.
    """

    picture: xr.DataArray
    at: np.ndarray

    @property
    def shape(self) -> tuple[int, ...]:
        """(row, y, x, channel)."""
        return (len(self.at), *self.picture.shape[1:])

    def __getitem__(self, rows: np.ndarray) -> np.ndarray:
        """Return the pictures of some rows, in stored order and a chunk at a time: zarr would hold ten."""
        at = self.at[rows]
        found = np.empty((len(at), *self.picture.shape[1:]), np.uint8)
        for chunk in np.unique(at // CHUNK):
            here = np.flatnonzero(at // CHUNK == chunk)
            start = chunk * CHUNK
            found[here] = self.picture[start : start + CHUNK].values[at[here] - start]
        return found
