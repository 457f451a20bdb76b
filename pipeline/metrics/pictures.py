"""Pictures brought to one size and one number of channels before they are compared."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, TypeAlias

import numpy as np

from pipeline.errors import ShapeError
from pipeline.features.resize import resize

if TYPE_CHECKING:
    from collections.abc import Iterator

Pictures: TypeAlias = np.ndarray[Any, np.dtype[np.uint8]]
Picture: TypeAlias = np.ndarray[Any, np.dtype[np.uint8]]
Scores: TypeAlias = np.ndarray[Any, np.dtype[np.float64]]


def check_pairs(seen: Pictures, made: Pictures) -> None:
    """Check that two stacks of pictures can be compared row by row.

    Parameters
    ----------
    seen, made : (row, y, x, channel) uint8
        One or three channels. Sizes may differ.

    Raises
    ------
    ShapeError
        If they are not that, or differ in rows, or hold none.
    """
    _check_pictures(seen, made)
    if len(seen) != len(made) or not len(seen):
        raise ShapeError(
            f"{len(seen)} seen and {len(made)} made pictures; expected as many, and at least one."
        )


def _check_pictures(seen: Pictures, made: Pictures) -> None:
    for name, pictures in (("Seen", seen), ("Made", made)):
        if pictures.ndim != 4 or pictures.shape[3] not in (1, 3) or pictures.dtype != np.uint8:
            raise ShapeError(
                f"{name} pictures are {pictures.dtype} of shape {pictures.shape}; "
                "expected uint8 (row, y, x, channel) with 1 or 3 channels."
            )


def pairs(seen: Pictures, made: Pictures) -> Iterator[tuple[Picture, Picture]]:
    """Return every seen picture with the made one, at the seen one's size and with as many channels.

    Parameters
    ----------
    seen, made : (row, y, x, channel) uint8

    Returns
    -------
    iterator of two (y, x, channel) uint8
        One pair at a time is in memory. The made picture is resized to the seen one's size (Pillow,
        bicubic) where they differ; grey is repeated to three channels where the other has colour.
    """
    check_pairs(seen, made)
    return _pairs(seen, made)


def _pairs(seen: Pictures, made: Pictures) -> Iterator[tuple[Picture, Picture]]:
    channels = max(seen.shape[3], made.shape[3])
    for seen_picture, made_picture in zip(seen, made, strict=True):
        fitted = resize(made_picture[None], (seen.shape[1], seen.shape[2]))[0]
        yield with_channels(seen_picture, channels), with_channels(fitted, channels)


def matched(seen: Pictures, made: Pictures) -> tuple[Pictures, Pictures]:
    """Return both stacks at the seen pictures' size, with as many channels.

    Parameters
    ----------
    seen, made : (row, y, x, channel) uint8
        They may differ in rows.

    Returns
    -------
    two (row, y, x, channel) uint8
        The arrays themselves, or views of them, where nothing had to be resized.
    """
    _check_pictures(seen, made)
    channels = max(seen.shape[3], made.shape[3])
    fitted = resize(made, (seen.shape[1], seen.shape[2]))
    return with_channels(seen, channels), with_channels(fitted, channels)


def with_channels(pictures: Pictures, channels: int) -> Pictures:
    """Return pictures (..., channel) with grey repeated to more channels."""
    if pictures.shape[-1] == channels:
        return pictures
    return np.broadcast_to(pictures, (*pictures.shape[:-1], channels))
