"""Where each voxel lies."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from storage.errors import Invalid

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from .container import Container


def read_places(container: Container, key: str | None, voxels: int) -> NDArray[np.int32]:
    """Return each voxel's place.

    Parameters
    ----------
    container : Container
        Where the arrays are.
    key : str, optional
        The name of the places; without one, i is the voxel's number and j = k = 0.
    voxels : int
        How many there must be.

    Returns
    -------
    ndarray
        (voxel, axis) int32: i, j and k.

    Raises
    ------
    Invalid
        If there is not one place for each voxel, or not in whole numbers.
    """
    if key is None:
        return np.stack([np.arange(voxels), *np.zeros((2, voxels))], axis=1).astype(np.int32)
    stack = container.array(key).numbers()
    if stack.shape != (voxels, 3):
        shape = f"{stack} has shape {stack.shape}"
        raise Invalid(f"{shape}, expected ({voxels}, 3), one row for each voxel: store i, j and k as columns")
    found = stack.rows()
    if not (np.isfinite(found) & (found == np.floor(found)) & (np.abs(found) < 2.0**31)).all():
        raise Invalid(
            f"{stack} holds numbers that are not whole, expected i, j and k of each voxel: round them"
        )
    return found.astype(np.int32)
