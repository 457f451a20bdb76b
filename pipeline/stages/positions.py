"""Positions: where the pictures that responses name stand among the features, and what stands there."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from ..ahead import ahead
from ..errors import ShapeError
from .featurize import IMAGES

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    import xarray as xr


def positions(features: xr.Dataset, image_ids: Iterable[str]) -> np.ndarray:
    """Return the row of each picture in product `features`.

    Raises
    ------
    ShapeError
        If a picture has no features.
    """
    place = {name: at for at, name in enumerate(features.image_id.values)}
    unknown = [name for name in image_ids if name not in place]
    if unknown:
        raise ShapeError(
            f"picture {unknown[0]} of the responses has no features ({len(unknown)} such); "
            "both must be made of the same data"
        )
    return np.array([place[name] for name in image_ids], dtype=int)


def features_at(
    features: xr.Dataset, rows: np.ndarray, start: int, stop: int, columns: np.ndarray | None = None
) -> np.ndarray:
    """Return some features of the pictures at some rows, read a chunk of pictures at a time.

    Parameters
    ----------
    features
        Product `features`.
    rows
        Positions of pictures in it, in any order, repeats among them.
    start, stop
        The block of features.
    columns
        Positions in the block; all of it if not given.

    Returns
    -------
    (row, feature) float32
    """
    found = np.empty((len(rows), stop - start if columns is None else len(columns)), np.float32)
    for here, values in ahead(_chunks(features, rows, start, stop)):
        found[here] = values if columns is None else values[:, columns]
    return found


def _chunks(
    features: xr.Dataset, rows: np.ndarray, start: int, stop: int
) -> Iterator[tuple[np.ndarray, np.ndarray]]:
    for first in range(0, features.sizes["image"], IMAGES):
        here = np.flatnonzero((rows >= first) & (rows < first + IMAGES))
        if here.size:
            yield here, features.value[first : first + IMAGES, start:stop].values[rows[here] - first]


def passing_memory(features: xr.Dataset, width: int) -> int:
    """Return the bytes `features_at` holds beside its answer: chunks at work and on their way."""
    return 4 * min(IMAGES, features.sizes["image"]) * width * int(features.value.dtype.itemsize)
