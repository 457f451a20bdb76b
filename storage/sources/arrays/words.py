"""Labels and captions: text, however a file stores it, as one str a place."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from storage.errors import Invalid

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from .container import Container


def read_words(container: Container, key: str, images: int) -> NDArray[np.object_]:
    """Read one or several words or sentences an image.

    Parameters
    ----------
    container : Container
        Where they are.
    key : str
        Their name there.
    images : int
        How many images they belong to.

    Returns
    -------
    ndarray
        (image, slot) str objects.

    Raises
    ------
    Invalid
        If there are more or fewer than images.
    """
    found = container.words(key)
    texts = np.empty(found.shape, object)
    texts[...] = np.reshape([_text(value) for value in found.ravel()], found.shape) if found.size else texts
    if texts.size == images:  # a row or a column of them, as MATLAB likes it
        return texts.reshape(images, 1)
    if texts.ndim != 2 or len(texts) != images:
        shape = f"{key!r} of {container.location} has shape {found.shape}"
        raise Invalid(f"{shape}, expected one entry for each of {images} images")
    return texts


def join_words(parts: list[NDArray[np.object_] | None], images: list[int]) -> NDArray[np.object_]:
    """Stack (image, slot) parts, widening the narrower with "" and filling absent ones with it."""
    slots = max(part.shape[1] for part in parts if part is not None)
    joined = np.full((sum(images), slots), "", object)
    start = 0
    for part, count in zip(parts, images, strict=True):
        if part is not None:
            joined[start : start + count, : part.shape[1]] = part
        start += count
    return joined


def _text(value: Any) -> str:
    """Return one place's text: numbers as shortly as they can be written, padding removed."""
    if isinstance(value, bytes):
        return value.decode(errors="replace").rstrip("\0 ")
    if isinstance(value, np.ndarray):  # a MATLAB cell
        return " ".join(_text(each) for each in value.ravel())
    if isinstance(value, (float, np.floating)):
        return f"{value:g}"
    return str(value).rstrip("\0 ")
