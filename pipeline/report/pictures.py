"""Pictures as they stand in a page: PNG files inside the page itself."""

from __future__ import annotations

import base64
import io
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Sequence

    import xarray as xr
    from numpy.typing import NDArray

#: Longest side in pixels that is kept; larger pictures are shrunk to it.
LONGEST = 224
#: Pictures up to this size are shown with their pixels as squares.
SQUARES = 96


@dataclass(frozen=True)
class Shown:
    """One picture of the page."""

    uri: str
    """``data:`` URI of a PNG file."""
    width: int
    height: int
    alt: str
    """What it is, for those who cannot see it."""
    squares: bool
    """Whether to enlarge it with its pixels as squares."""
    score: str = ""
    """Its score, for reading."""


def png(picture: NDArray[np.uint8]) -> tuple[bytes, int, int]:
    """Return a picture as a PNG file, and the file's width and height.

    Parameters
    ----------
    picture : (y, x, channel) uint8
        With 1 or 3 channels; shrunk where a side is longer than 224 pixels.

    Raises
    ------
    ValueError
        If it is no such picture.
    """
    from PIL import Image

    if picture.ndim != 3 or picture.shape[2] not in (1, 3) or picture.dtype != np.uint8:
        raise ValueError(
            f"picture is {picture.dtype} {picture.shape}; expected uint8 (y, x, 1 or 3 channels)"
        )
    image = Image.fromarray(picture[:, :, 0] if picture.shape[2] == 1 else picture)
    image.thumbnail((LONGEST, LONGEST), Image.Resampling.LANCZOS)
    file = io.BytesIO()
    image.save(file, "PNG", optimize=True)
    return file.getvalue(), *image.size


def shown(picture: NDArray[np.uint8], alt: str, score: str = "") -> Shown:
    """Return a picture (y, x, channel) uint8 ready for the page."""
    content, width, height = png(picture)
    return Shown(_uri(content), width, height, alt, max(width, height) <= SQUARES, score)


def stored(content: bytes, alt: str) -> Shown:
    """Return a PNG file as it is, ready for the page."""
    from PIL import Image

    width, height = Image.open(io.BytesIO(content)).size
    return Shown(_uri(content), width, height, alt, squares=True)


def _uri(content: bytes) -> str:
    return f"data:image/png;base64,{base64.b64encode(content).decode()}"


def take(pictures: xr.DataArray, rows: Sequence[int]) -> NDArray[np.uint8]:
    """Return some rows of stored pictures, read in stored order so that no chunk is read twice."""
    wanted, back = np.unique(np.asarray(rows, np.int64), return_inverse=True)
    found: NDArray[np.uint8] = pictures[wanted].values[back]
    return found
