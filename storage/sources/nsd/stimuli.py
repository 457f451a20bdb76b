"""Pictures: the rows of /imgBrick that a subject saw, and no others."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from storage.errors import Invalid
from storage.hdf5 import open_dataset, walk

from .layout import PICTURE

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from numpy.typing import NDArray

    from storage.hdf5 import Dataset
    from storage.remote import Location
    from storage.transfer import Stat

KEY = "imgBrick"


def image_id(number: int) -> str:
    """Return the id of the 0-based NSD picture number.

    >>> image_id(46002)
    'nsd46002'
    """
    return f"nsd{number:05d}"


def read_brick(location: Location, stat: Stat | None = None) -> Dataset:
    """Open the file of pictures by its header; who has looked at it gives its `stat`.

    Raises
    ------
    Missing, Denied, Unreachable
        As the store says.
    Invalid
        If it is cut or damaged, or does not hold pictures (image, y, x, channel) uint8.
    """
    brick = open_dataset(location, KEY, stat)
    if len(brick.shape) != 4 or brick.shape[3] != 3 or brick.dtype != np.uint8 or 0 in brick.shape:
        found = f"{KEY} of {location} is {brick.dtype} {brick.shape}"
        raise Invalid(f"{found}, expected (image, y, x, 3) uint8: get it again")
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
    stat : Stat, optional
        The version of the file that is read; by default the one that is there when it is.
    """

    location: Location
    nsd_id: NDArray[np.int32]
    test: NDArray[np.bool_]
    picture: tuple[int, int, int]
    stat: Stat | None = None

    @property
    def ids(self) -> list[str]:
        """The pictures' ids."""
        return [image_id(number) for number in self.nsd_id.tolist()]

    @property
    def shape(self) -> tuple[int, int, int, int]:
        """(image, y, x, channel)."""
        return (len(self.nsd_id), *self.picture)

    @property
    def moved(self) -> int:
        """Bytes of these pictures: no others are read."""
        return int(np.prod(self.shape))

    def files(self, start: int, stop: int) -> list[str]:  # noqa: ARG002  (all are in one file)
        """Return the URL of the file of pictures."""
        return [str(self.location)]

    def read(self, start: int, stop: int) -> NDArray[np.uint8]:
        """Return pictures start to stop, (image, y, x, channel) uint8.

        Raises
        ------
        Missing, Denied, Unreachable
            As the store says.
        Changed
            If the file is another one by now.
        Invalid
            If the file is truncated or damaged, or has no such picture.
        """
        brick, rows = self._open([(start, stop)])
        return np.asarray(brick.read(rows).reshape(len(rows), *brick.shape[1:]))

    def walk(self, spans: Sequence[tuple[int, int]]) -> Iterator[NDArray[np.uint8]]:
        """Yield pictures start to stop of each span, (y, x, channel) uint8, others on their way meanwhile.

        Raises
        ------
        Missing, Denied, Unreachable, Changed, Invalid
            As `read` does.
        """
        brick, rows = self._open(spans)
        return walk(brick, rows)

    def _open(self, spans: Sequence[tuple[int, int]]) -> tuple[Dataset, NDArray[np.int32]]:
        """Return the file of pictures, and which of its rows the pictures of some spans are."""
        brick = read_brick(self.location, self.stat)
        rows = np.concatenate([self.nsd_id[start:stop] for start, stop in spans])
        check_rows(self.location, rows, brick.shape[0])
        return brick, rows


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
    stat = location.stat_or_none()
    if stat is None:
        return NsdPictures(location, nsd_id, test, PICTURE)
    brick = read_brick(location, stat)
    check_rows(location, nsd_id, brick.shape[0])
    y, x, channel = brick.shape[1:]
    return NsdPictures(location, nsd_id, test, (y, x, channel), stat)
