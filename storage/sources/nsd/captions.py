"""Captions: the rows of COCO_73k_annots_curated.npy that belong to a subject's pictures, and no others."""

from __future__ import annotations

import io
import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from storage.errors import Invalid
from storage.sources.reading import reading

from .ranges import read_ranges
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
        width, order = np.dtype(self.dtype).itemsize * self.shape[1], np.argsort(rows)
        spans = [(self.offset + row * width, width) for row in rows[order].tolist()]
        found = np.empty((len(rows), self.shape[1]), object)
        for at, content in zip(order, read_ranges(self.location, spans), strict=True):
            with reading(str(self.location)):
                found[at] = np.frombuffer(content, self.dtype).astype("U").tolist()
        return found


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

    text = da.from_delayed(delayed(file.read)(rows), (len(rows), file.shape[1]), dtype=object)
    return xr.Dataset({"caption": (("image", "slot"), text)})
