"""Coordinates that travel: what is known of a picture or a voxel goes with it from product to product."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import numpy as np
    import xarray as xr

#: What names a picture, whichever dimension it lies along.
PICTURE = ("image_id", "nsd_id", "label")

#: What is known of a voxel; `i` carries the volume's grid and affine where there is one.
VOXEL = ("i", "j", "k", "noise_ceiling")


def picture_coords(dim: str, given: xr.Dataset, at: np.ndarray | slice = slice(None)) -> dict[str, Any]:
    """Return the names of pictures as coordinates along `dim`.

    Parameters
    ----------
    dim
        Dimension of the product that is made: trial, row or image.
    given
        What the names are taken from.
    at
        Which of its entries, in which order; default all.
    """
    return {name: (dim, given[name].values[at]) for name in PICTURE if name in given}


def row_coords(given: xr.Dataset) -> dict[str, Any]:
    """Return what is known of rows, as coordinates along `row`: their pictures, showings and sessions."""
    shown = {name: ("row", given[name].values) for name in ("repeat", "session")}
    return {**picture_coords("row", given), **shown}


def training_pictures(responses: xr.Dataset) -> list[str]:
    """Return the distinct pictures of the training rows, in the order of their first rows."""
    return list(dict.fromkeys(responses.image_id.values[responses.split.values == "train"]))


def test_rows(responses: xr.Dataset) -> xr.Dataset:
    """Return the test rows of responses; training rows stand before them."""
    return responses.isel(row=slice(int((responses.split.values == "train").sum()), None))


def voxel_coords(given: xr.Dataset) -> dict[str, Any]:
    """Return the coordinates that every product along `voxel` carries, from one that has them."""
    return {name: ("voxel", given[name].values, dict(given[name].attrs)) for name in VOXEL if name in given}
