"""Positions: where the pictures that responses name stand among the features."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from ..errors import ShapeError

if TYPE_CHECKING:
    from collections.abc import Iterable

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
