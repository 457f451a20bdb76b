"""Pictures of any shape, order and brightness scale as (image, y, x, channel) uint8."""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import lru_cache
from itertools import chain
from typing import TYPE_CHECKING, Any

import numpy as np

from storage.errors import Invalid

from .container import files_of
from .opening import open_container

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from numpy.typing import NDArray

    from storage.remote import Location

    from .stack import Stack


@dataclass(frozen=True)
class PictureSet:
    """The pictures of one array.

    Attributes
    ----------
    location : Location
        The file or folder.
    key : str
        The array's name in it.
    count : int
        How many pictures.
    shape : tuple of int
        (y, x, channel) of each.
    order : str
        How flattened pictures were flattened: "C" (by rows) or "F" (by columns, as MATLAB does).
    """

    location: Location
    key: str
    count: int
    shape: tuple[int, int, int]
    order: str

    def stack(self) -> Stack:
        """Open the array."""
        return open_container(self.location).array(self.key)

    def read(self, start: int, stop: int) -> NDArray[Any]:
        """Return pictures (image, y, x, channel) with numbers as they are stored."""
        rows = self.stack().rows(start, stop)
        y, x, channel = self.shape
        if rows.ndim == 2 and self.order == "F":
            return rows.reshape(-1, channel, x, y).transpose(0, 3, 2, 1)
        return rows.reshape(-1, y, x, channel)


@dataclass(frozen=True)
class ArraysPictures:
    """The training pictures, then the test pictures.

    Attributes
    ----------
    sets : tuple of PictureSet
        Training and test.
    factor : float
        What a stored number is multiplied with: 255 where white is 1, else 1.
    """

    sets: tuple[PictureSet, PictureSet]
    factor: float

    @property
    def ids(self) -> list[str]:
        """The pictures' row numbers, as text."""
        return [str(number) for number in range(self.shape[0])]

    @property
    def test(self) -> NDArray[np.bool_]:
        """(image) bool, whether the picture is a test picture."""
        return np.repeat([False, True], [each.count for each in self.sets])

    @property
    def shape(self) -> tuple[int, int, int, int]:
        """(image, y, x, channel)."""
        train, test = self.sets
        return (train.count + test.count, *train.shape)

    @property
    def moved(self) -> int:
        """Bytes of both arrays as they are stored, unpacked."""
        stacks = [each.stack() for each in self.sets]
        return sum(stack.dtype.itemsize * math.prod(stack.shape) for stack in stacks)

    def files(self, start: int, stop: int) -> list[str]:  # noqa: ARG002  (both are small)
        """Return the names of the files of both arrays."""
        location = self.sets[0].location
        return files_of(location, open_container(location).digests(each.key for each in self.sets))

    def read(self, start: int, stop: int) -> NDArray[np.uint8]:
        """Return pictures start to stop, (image, y, x, channel) uint8."""
        train, test = self.sets
        parts = []
        if start < train.count:
            parts.append(self._bytes(train.read(start, min(stop, train.count))))
        if stop > train.count:
            parts.append(self._bytes(test.read(max(0, start - train.count), stop - train.count)))
        return np.ascontiguousarray(np.concatenate(parts))

    def walk(self, spans: Sequence[tuple[int, int]]) -> Iterator[NDArray[np.uint8]]:
        """Yield pictures start to stop of each span, (y, x, channel) uint8."""
        return chain.from_iterable(self.read(*span) for span in spans)

    def _bytes(self, stored: NDArray[Any]) -> NDArray[np.uint8]:
        if stored.dtype.kind == "f":
            stored = np.rint(stored * np.float64(self.factor))
        return stored.astype(np.uint8) * np.uint8(255 if stored.dtype.kind == "b" else 1)


def open_pictures(
    location: Location, keys: tuple[str, str], image_shape: tuple[int, ...] | None, order: str
) -> ArraysPictures:
    """Open training and test pictures and find out how bright their numbers are.

    Parameters
    ----------
    location : Location
        The file or folder.
    keys : tuple of str
        Names of the training and the test array.
    image_shape : tuple of int, optional
        (y, x) or (y, x, channel) of flattened pictures.
    order : str
        "C" or "F".

    Returns
    -------
    ArraysPictures
        A lazy reader.

    Raises
    ------
    Invalid
        If the shapes are none of pictures, differ, or the numbers are no brightnesses.
    """
    sets = tuple(open_set(location, key, image_shape, order) for key in keys)
    train, test = sets
    if train.shape != test.shape:
        found = (
            f"pictures of {keys[0]!r} are {_times(train.shape)}, those of {keys[1]!r} {_times(test.shape)}"
        )
        raise Invalid(f"{found}; (y, x, channel) must be the same: resize one of them")
    return ArraysPictures((train, test), find_factor([each.stack() for each in (train, test)], location))


def open_set(location: Location, key: str, image_shape: tuple[int, ...] | None, order: str) -> PictureSet:
    """Open one array of pictures, without reading it."""
    stack = open_container(location).array(key).numbers("biuf")
    shape = _picture_shape(stack, image_shape)
    if 0 in (len(stack), *shape):
        raise Invalid(
            f"{stack} has shape {stack.shape}, expected at least one picture of one pixel: store some"
        )
    return PictureSet(location, key, len(stack), shape, order)


def _picture_shape(stack: Stack, image_shape: tuple[int, ...] | None) -> tuple[int, int, int]:
    """Return (y, x, channel)."""
    wanted = None if image_shape is None else _with_channel(image_shape)
    found = f"{stack} has shape {stack.shape}"
    if len(stack.shape) == 2:
        if wanted is None:
            raise Invalid(f"{found}, flattened pictures: say image_shape = [y, x] or [y, x, channel]")
        if stack.shape[1] != math.prod(wanted):
            raise Invalid(f"{found}, expected (image, {math.prod(wanted)}) for image_shape {_times(wanted)}")
        return wanted
    if len(stack.shape) not in (3, 4) or (*stack.shape, 1)[3] not in (1, 3):
        expected = (
            "(image, y, x), (image, y, x, channel) with 1 or 3 channels, or flattened (image, y*x*channel)"
        )
        raise Invalid(f"{found}, expected {expected} with image_shape: move its axes")
    shape = _with_channel(stack.shape[1:])
    if wanted not in (None, shape):
        raise Invalid(f"{found}, but image_shape says {_times(wanted or ())}: leave image_shape out")
    return shape


def _with_channel(shape: tuple[int, ...]) -> tuple[int, int, int]:
    if len(shape) not in (2, 3) or (*shape, 1)[2] not in (1, 3):
        raise Invalid(
            f"image_shape is {list(shape)}, expected [y, x] or [y, x, channel] with 1 or 3 channels"
        )
    y, x, channel = (*shape, 1)[:3]
    return y, x, channel


def find_factor(stacks: list[Stack], location: Location) -> float:
    """Return 255 where white is 1 and else 1, judged once from all pictures of both arrays."""
    kinds = {"i" if stack.dtype.kind == "u" else stack.dtype.kind for stack in stacks}
    if len(kinds) > 1:
        found = " and ".join(f"{stack} ({stack.dtype})" for stack in stacks)
        raise Invalid(f"{found} differ in kind, so their brightness cannot be compared: store both as uint8")
    if {stack.dtype for stack in stacks} in ({np.dtype(np.uint8)}, {np.dtype(bool)}):
        return 1.0
    container = open_container(location)
    digests = tuple(container.digests(stack.key for stack in stacks).items())
    ranges = [_range(location, stack.key, digests) for stack in stacks]
    for stack, (low, high) in zip(stacks, ranges, strict=True):
        if not (low >= 0 and high <= 255):  # also where one is NaN
            found = f"{stack} holds brightness from {low:g} to {high:g}"
            raise Invalid(f"{found}, expected 0 to 1 (floats) or 0 to 255: rescale it")
    return 255.0 if kinds == {"f"} and max(high for _, high in ranges) <= 1 else 1.0


@lru_cache(maxsize=64)
def _range(location: Location, key: str, _digests: tuple[tuple[str, str], ...]) -> tuple[float, float]:
    extremes = [(rows.min(), rows.max()) for _, rows in open_container(location).array(key).blocks()]
    lows, highs = np.array(extremes, np.float64).T
    return float(lows.min()), float(highs.max())


def _times(shape: tuple[int, ...]) -> str:
    return " x ".join(map(str, shape))
