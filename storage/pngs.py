"""Pictures as png files, one by one: their names and their bytes."""

from __future__ import annotations

import hashlib
import io
from typing import TYPE_CHECKING, BinaryIO
from urllib.parse import quote

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Sequence

    import xarray as xr

#: Longest file name made of an id, in characters; file systems take 255 bytes.
LONGEST = 200


class Blocks:
    """Pictures one by one, read a stored block at a time."""

    def __init__(self, pictures: xr.DataArray) -> None:
        self.pictures = pictures
        self.leading = pictures.shape[:-3]
        self.rows = pictures.chunks[0][0] if pictures.chunks else max(1, pictures.shape[0])
        self.start = -1
        self.loaded = np.empty(0, np.uint8)

    def __getitem__(self, index: Sequence[int]) -> np.ndarray:
        row, *rest = index
        start = row - row % self.rows
        if start != self.start:
            self.loaded = np.asarray(self.pictures[start : start + self.rows].values)
            self.start = start
        picture: np.ndarray = self.loaded[(row - start, *rest)]
        return picture


def write(blocks: Blocks, index: Sequence[int], file: BinaryIO) -> None:
    """Write one picture, grey where it has one channel."""
    file.write(encoded(blocks[index]))


def encoded(picture: np.ndarray) -> bytes:
    """Return a picture (y, x, channel) uint8 of 1 or 3 channels as a PNG file."""
    from PIL import Image

    file = io.BytesIO()
    Image.fromarray(picture[..., 0] if picture.shape[-1] == 1 else picture).save(file, "png")
    return file.getvalue()


def names(dataset: xr.Dataset) -> list[str]:
    """Return the files' names ``<image_id>[_repeat][_sample].png``, in the order of the pictures.

    The repeat stands in them where rows are single trials, the sample where there are several.
    """
    repeats = dataset["repeat"].values if "repeat" in dataset else np.full(len(dataset["image_id"]), -1)
    samples = dataset.sizes.get("sample", 1)
    found = []
    for image, repeat in zip(dataset["image_id"].values, repeats, strict=True):
        single = [str(repeat)] if repeat >= 0 else []
        for sample in range(samples):
            several = [str(sample)] if samples > 1 else []
            found.append("_".join([file_safe(str(image)), *single, *several]) + ".png")
    return found


def file_safe(text: str) -> str:
    """Return a file name for an id; different ids have different names.

    >>> file_safe("n01518878_10042"), file_safe("a/b"), file_safe("..")
    ('n01518878_10042', 'a%2Fb', '%2E.')
    """
    name = quote(text, safe=" ")
    name = f"%2E{name[1:]}" if name.startswith(".") else name
    if len(name) <= LONGEST:
        return name
    return f"{name[: LONGEST - 17]}-{hashlib.sha256(text.encode()).hexdigest()[:16]}"
