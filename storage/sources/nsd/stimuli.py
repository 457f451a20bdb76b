"""Pictures: the rows of /imgBrick that a subject saw, and no others."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING, Any

import numpy as np

from storage.errors import Invalid

from .layout import PICTURE
from .ranges import hdf5_header, read_ranges, stat_or_none

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from storage.remote import Location

KEY = "imgBrick"


def image_id(number: int) -> str:
    """Return the id of the 0-based NSD picture number.

    >>> image_id(46002)
    'nsd46002'
    """
    return f"nsd{number:05d}"


@dataclass(frozen=True)
class Brick:
    """What the header says of the file of pictures.

    Attributes
    ----------
    shape : tuple of int
        (image, y, x, channel).
    offset : int, optional
        The byte where the first picture begins; None where pictures do not lie one after the other.
    """

    shape: tuple[int, int, int, int]
    offset: int | None

    @property
    def nbytes(self) -> int:
        """Bytes a picture."""
        return int(np.prod(self.shape[1:]))


def read_brick(location: Location) -> Brick:
    """Read the header of the file of pictures, once a process and version of the file.

    Raises
    ------
    Missing, Denied, Unreachable
        As the store says.
    Invalid
        If it is cut or damaged, or does not hold pictures (image, y, x, channel) uint8.
    """
    return _brick(location, location.stat().etag)


@lru_cache(maxsize=16)
def _brick(location: Location, _etag: str) -> Brick:
    with hdf5_header(location) as file:
        data = file.get(KEY)
        if getattr(data, "shape", None) is None:
            raise Invalid(f"{location} has no dataset {KEY!r}; it has {', '.join(file) or 'none'}")
        shape, dtype = data.shape, data.dtype
        offset = None if data.chunks else data.id.get_offset()
    if len(shape) != 4 or shape[3] != 3 or dtype != np.uint8 or 0 in shape:
        found = f"{KEY} of {location} is {dtype} {shape}"
        raise Invalid(f"{found}, expected (image, y, x, 3) uint8: get it again")
    brick = Brick(shape, offset)
    if offset is not None and offset + shape[0] * brick.nbytes > location.stat().size:
        raise Invalid(f"{location} ends before its {shape[0]} pictures do; it is truncated: get it again")
    return brick


@dataclass(frozen=True, eq=False)
class NsdPictures:
    """The distinct pictures of the chosen trials, in the order in which they are first shown.

    Attributes
    ----------
    location : Location
        The file of pictures.
    nsd_id : ndarray
        (image) int32, 0-based rows of /imgBrick.
    test : ndarray
        (image) bool, held out for testing.
    picture : tuple of int
        (y, x, channel).
    """

    location: Location
    nsd_id: NDArray[np.int32]
    test: NDArray[np.bool_]
    picture: tuple[int, int, int]

    @property
    def ids(self) -> list[str]:
        """The pictures' ids."""
        return [image_id(number) for number in self.nsd_id.tolist()]

    @property
    def shape(self) -> tuple[int, int, int, int]:
        """(image, y, x, channel)."""
        return (len(self.nsd_id), *self.picture)

    def read(self, start: int, stop: int) -> NDArray[np.uint8]:
        """Return pictures start to stop, (image, y, x, channel) uint8.

        Raises
        ------
        Missing, Denied, Unreachable
            As the store says.
        Invalid
            If the file is truncated or damaged, or has no such picture.
        """
        brick, rows = read_brick(self.location), self.nsd_id[start:stop]
        check_rows(self.location, rows, brick.shape[0])
        found = np.empty((len(rows), *brick.shape[1:]), np.uint8)
        order = np.argsort(rows)
        if brick.offset is None:
            self._by_hdf5(found, rows, order)
            return found
        spans = [(brick.offset + row * brick.nbytes, brick.nbytes) for row in rows[order].tolist()]
        for at, content in zip(order, read_ranges(self.location, spans), strict=True):
            found[at] = np.frombuffer(content, np.uint8).reshape(brick.shape[1:])
        return found

    def _by_hdf5(self, found: NDArray[np.uint8], rows: NDArray[Any], order: NDArray[Any]) -> None:
        with hdf5_header(self.location) as file:
            for at in order:
                found[at] = file[KEY][rows[at]]


def check_rows(location: Location, rows: NDArray[Any], count: int) -> None:
    """Raise `Invalid` where a picture is asked for that a file does not have."""
    beyond = rows[rows >= count]
    if len(beyond):
        found = f"the design shows picture {image_id(int(beyond[0]))}, but {location} has {count}"
        raise Invalid(f"{found}; get design and pictures of one release")


def open_pictures(location: Location, nsd_id: NDArray[np.int32], test: NDArray[np.bool_]) -> NsdPictures:
    """Open the pictures of a subject by the file's header; they are read when they are asked for.

    A file that is not there is told when it is read or checked; until then pictures have the release's size,
    so that a run can be planned before anything large is downloaded.

    Raises
    ------
    Invalid
        If the file does not hold pictures, or not all of these.
    """
    if stat_or_none(location) is None:
        return NsdPictures(location, nsd_id, test, PICTURE)
    brick = read_brick(location)
    check_rows(location, nsd_id, brick.shape[0])
    return NsdPictures(location, nsd_id, test, brick.shape[1:])
