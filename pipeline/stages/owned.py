"""Owned: a matrix read for a computation that overwrites it."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import numpy as np
    import xarray as xr


def owned(array: xr.DataArray) -> np.ndarray:
    """Return an array's numbers in memory that nobody else holds.

    They are read anew and not kept in the Dataset, so that nothing but what is made of them takes memory; an
    array that is in memory already is copied, so that whoever gave it keeps it as it was.
    """
    values: np.ndarray = array.copy(deep=True).values
    return values
