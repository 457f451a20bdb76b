"""Which picture each row saw, and for the how-manieth time."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from storage.errors import Invalid

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from .container import Container
    from .stack import Stack


def pictures_seen(
    container: Container, key: str | None, voxels: tuple[str, tuple[int, int]], images: tuple[str, int]
) -> NDArray[np.int64]:
    """Return which picture of one array each row of the voxels saw.

    Parameters
    ----------
    container : Container
        Where the arrays are.
    key : str, optional
        The index array; without one, row k saw picture k.
    voxels : tuple
        Name and shape (row, voxel) of the voxels.
    images : tuple
        Name of the pictures, and how many there are.

    Returns
    -------
    ndarray
        (row) int64, 0-based.

    Raises
    ------
    Invalid
        If rows and pictures, or rows and index, do not pair up, or an index is out of range.
    """
    name, shape = voxels
    if key is not None:
        return _checked(container.array(key).numbers(), shape[0], images)
    if shape[0] != images[1]:
        turned = shape[1] == images[1]
        cure = (
            "the voxels look transposed" if turned else "name train_index or test_index, or drop surplus rows"
        )
        found = f"{name!r} of {container.location.name} has shape {shape}"
        expected = f"(row, voxel) with {images[1]} rows, one for each picture of {images[0]!r}"
        raise Invalid(f"{found}, expected {expected}: {cure}")
    return np.arange(shape[0])


def _checked(stack: Stack, rows: int, images: tuple[str, int]) -> NDArray[np.int64]:
    if sum(length != 1 for length in stack.shape) > 1 or np.prod(stack.shape) != rows:
        shape = f"{stack} has shape {stack.shape}"
        raise Invalid(f"{shape}, expected ({rows},): one picture number for each row of voxels")
    found = stack.rows().ravel()
    outside = np.flatnonzero(~((found >= 0) & (found < images[1]) & (found == np.floor(found))))
    if len(outside):
        value = f"{stack} is {found[outside[0]]:g} in row {outside[0]}"
        expected = f"a whole number from 0 to {images[1] - 1}, a row of {images[0]!r}"
        raise Invalid(f"{value}, expected {expected}: count pictures from 0")
    return found.astype(np.int64)


def showings(seen: NDArray[np.int64]) -> NDArray[np.int16]:
    """Return for each row how often its picture was seen in earlier rows.

    Examples
    --------
    >>> showings(np.array([4, 7, 4, 4])).tolist()
    [0, 0, 1, 2]
    """
    _, counts = np.unique(seen, return_counts=True)
    repeat = np.empty(len(seen), np.int16)
    repeat[np.argsort(seen, kind="stable")] = np.concatenate([np.arange(count) for count in counts])
    return repeat
