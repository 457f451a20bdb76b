"""The feature space ``pixels``: the brightness of every pixel, and back."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import numpy as np

from pipeline.errors import ShapeError

from .resize import resize

if TYPE_CHECKING:
    from numpy.typing import NDArray

#: The largest brightness a stored picture holds.
WHITE = 255


def encode(pictures: NDArray[np.uint8], size: int) -> NDArray[np.float32]:
    """Return the brightness of the pixels of pictures that were brought to `size` by `size`.

    Parameters
    ----------
    pictures
        (image, y, x, channel) uint8.
    size
        Pixels a side; pictures of this size are taken as they are.

    Returns
    -------
    (image, feature) float32 from 0 (black) to 1; feature runs over y, x, channel, the last fastest.

    Raises
    ------
    ShapeError
        If these are no pictures.
    """
    small = resize(pictures, (size, size))
    flat = small.reshape(len(small), math.prod(small.shape[1:]))
    return np.asarray(np.divide(flat, np.float32(WHITE), dtype=np.float32))


def decode(values: NDArray[Any], shape: tuple[int, int, int]) -> NDArray[np.uint8]:
    """Return the pictures that pixel values stand for; the inverse of `encode`.

    Parameters
    ----------
    values
        (row, feature) float, 0 (black) to 1; what lies outside is clipped.
    shape
        Extents (y, x, channel) of one picture.

    Returns
    -------
    (row, y, x, channel) uint8, rounded to the nearest, halves to the even one.

    Raises
    ------
    ShapeError
        If a row does not hold as many values as a picture has pixels.
    """
    if values.ndim != 2 or values.shape[1] != math.prod(shape):
        expected = f"(row, {math.prod(shape)}) for pictures of {shape}"
        raise ShapeError(f"pixel values have shape {values.shape}; expected {expected}")
    brightness = np.clip(values.astype(np.result_type(values.dtype, np.float32)), 0, 1) * WHITE
    rounded: NDArray[np.uint8] = np.rint(brightness).astype(np.uint8)
    return rounded.reshape(len(values), *shape)
