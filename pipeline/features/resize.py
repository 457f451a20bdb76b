"""Change the size of pictures, the same way everywhere."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Literal

import numpy as np

from pipeline.errors import ShapeError

if TYPE_CHECKING:
    from numpy.typing import NDArray

Filter = Literal["bicubic", "bilinear"]
#: Numbers of channels a picture can have: grey, and red, green, blue.
CHANNELS = (1, 3)


def resize(pictures: NDArray[np.uint8], size: tuple[int, int], by: Filter = "bicubic") -> NDArray[np.uint8]:
    """Resize pictures by a filter of Pillow's, which averages where a picture shrinks.

    Parameters
    ----------
    pictures
        (image, y, x, channel) uint8, 1 or 3 channels.
    size
        New extents (y, x); proportions are not kept.
    by
        The filter.

    Returns
    -------
    (image, y, x, channel) uint8; the pictures themselves where they already have the size.

    Raises
    ------
    ShapeError
        If these are no pictures.
    """
    check_pictures(pictures)
    if pictures.shape[1:3] == tuple(size):
        return pictures
    resized = np.empty((len(pictures), *size, pictures.shape[3]), np.uint8)
    for picture, target in zip(pictures, resized, strict=True):
        target[...] = _resize_one(picture, size, by)
    return resized


def coloured(pictures: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """Return (image, y, x, 3): grey pictures with their brightness as red, green and blue."""
    return pictures if pictures.shape[3] == 3 else np.repeat(pictures, 3, axis=3)


def check_pictures(pictures: NDArray[Any]) -> None:
    """Refuse what is not (image, y, x, channel) uint8 with 1 or 3 channels.

    Raises
    ------
    ShapeError
        Naming the shape and dtype that were found.
    """
    if pictures.ndim != 4 or pictures.shape[3] not in CHANNELS or pictures.dtype != np.uint8:
        raise ShapeError(
            f"pictures have shape {pictures.shape} and dtype {pictures.dtype}; "
            "expected (image, y, x, channel) uint8 with 1 or 3 channels"
        )


def _resize_one(picture: NDArray[np.uint8], size: tuple[int, int], by: Filter) -> NDArray[np.uint8]:
    from PIL import Image

    plain = picture[..., 0] if picture.shape[2] == 1 else picture
    image = Image.fromarray(np.ascontiguousarray(plain))
    filters = {"bicubic": Image.Resampling.BICUBIC, "bilinear": Image.Resampling.BILINEAR}
    made = np.asarray(image.resize((size[1], size[0]), filters[by]))
    return made.reshape(*size, picture.shape[2])
