"""Captions: the rows of COCO_73k_annots_curated.npy that belong to a subject's pictures, and no others."""

from __future__ import annotations

import io
import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from storage.errors import Invalid
from storage.ranges import coalesce
from storage.reading import reading

from .layout import CAPTIONS
from .stimuli import check_rows

if TYPE_CHECKING:
    import xarray as xr
    from numpy.typing import NDArray

    from storage.remote import Location

HEADER = 4096
"""Bytes read for a header; numpy's own is 128."""


@dataclass(frozen=True)
class CaptionFile:
    """What the header says of the file of captions.

    Attributes
    ----------
    location : Location
        The file.
    shape : tuple of int
        (image, slot).
    dtype : str
        Fixed-width text.
    offset : int
        The byte where the first caption begins.
    """

    location: Location
    shape: tuple[int, int]
    dtype: str

    offset: int

    def read(self, rows: NDArray[Any]) -> NDArray[np.object_]:
        """Return the captions of some pictures, (image, slot) str; "" where there are fewer."""
        width = np.dtype(self.dtype).itemsize * self.shape[1]
        order = np.argsort(rows)
        starts = self.offset + np.asarray(rows, np.int64)[order] * width
        edges = coalesce(starts, starts + width)
        groups = list(zip(edges[:-1].tolist(), edges[1:].tolist(), strict=True))
        spans = [(int(starts[low]), int(starts[high - 1] - starts[low]) + width) for low, high in groups]
        found = np.empty((len(rows), self.shape[1]), object)
        for (low, high), content in zip(groups, self.location.ranges(spans), strict=True):
            for at in range(low, high):
                found[order[at]] = self._row(content, int(starts[at] - starts[low]))
        return found

    def _row(self, content: bytes, offset: int) -> list[str]:
        with reading(str(self.location)):
            stored = np.frombuffer(content, self.dtype, self.shape[1], offset)
            return list(stored.astype("U").tolist())


def open_captions(location: Location, rows: NDArray[Any]) -> CaptionFile:
    """Open the file of captions by its header.

    Parameters
    ----------
    location : Location
        A .npy file (image, slot) of fixed-width text, a row a picture of the release.
    rows : ndarray
        (image) 0-based rows that will be read.

    Raises
    ------
    Missing, Denied, Unreachable
        As the store says.
    Invalid
        If it holds something else, is cut, or has too few rows.
    """
    start = io.BytesIO(location.read(0, HEADER))
    with reading(str(location)):
        version = np.lib.format.read_magic(start)
        header = {1: np.lib.format.read_array_header_1_0, 2: np.lib.format.read_array_header_2_0}[version[0]]
        shape, by_columns, dtype = header(start)
    if len(shape) != 2 or by_columns or dtype.kind not in "US" or dtype.itemsize == 0:
        expected = "expected text (image, slot) as numpy saves it, e.g. <U250"
        raise Invalid(f"{location} holds {dtype} {shape}, {expected}: get it again")
    if location.stat().size < start.tell() + math.prod(shape) * dtype.itemsize:
        raise Invalid(f"{location} ends before its {shape[0]} rows do; it is truncated: get it again")
    check_rows(location, rows, shape[0])
    return CaptionFile(location, shape, dtype.str, start.tell())


def captions_of(file: CaptionFile, rows: NDArray[Any]) -> xr.Dataset:
    """Return caption (image, slot) of some pictures; text is read when it is computed."""
    import dask.array as da
    import xarray as xr
    from dask.delayed import delayed

    text = da.from_delayed(delayed(_read)(file, rows), (len(rows), file.shape[1]), dtype=object)
    return xr.Dataset({"caption": (("image", "slot"), text)})


def _read(file: CaptionFile, rows: NDArray[Any]) -> NDArray[np.object_]:
    """Return captions, none for a row below 0: a picture that is none of NSD's."""
    found = np.full((len(rows), file.shape[1]), "", object)
    here = np.flatnonzero(np.asarray(rows) >= 0)
    found[here] = file.read(np.asarray(rows)[here])
    return found


def find_captions(root: Location, rows: NDArray[Any]) -> CaptionFile | None:
    """Open the curated captions where they are there, as `open_captions` does."""
    places = (root / name for name in CAPTIONS)
    there = next((place for place in places if place.exists()), None)
    return None if there is None else open_captions(there, rows)
