"""Voxel rows of the training and the test array, as one sequence of trials."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from storage.errors import Invalid

from .container import files_of
from .opening import open_container

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from storage.remote import Location

    from .stack import Stack

BLOCK = 750
"""Trials a block: those of one NSD session, as any other number without sessions would do."""
_NAMED = 5


@dataclass(frozen=True)
class ArraysBetas:
    """The rows of the training voxels, then those of the test voxels.

    Attributes
    ----------
    location : Location
        The file or folder.
    keys : tuple of str
        Names of the training and the test array.
    rows : tuple of int
        How many rows each has.
    voxels : int
        How many columns both have.
    """

    location: Location
    keys: tuple[str, str]
    rows: tuple[int, int]
    voxels: int
    dtype: str = "float32"
    scale: float = 1.0
    block: int = BLOCK

    @property
    def shape(self) -> tuple[int, int]:
        """(trial, voxel)."""
        return sum(self.rows), self.voxels

    def stacks(self) -> list[Stack]:
        """Open both arrays."""
        container = open_container(self.location)
        return [container.array(key) for key in self.keys]

    @property
    def moved(self) -> int:
        """Bytes of both arrays as they are stored, unpacked."""
        return sum(stack.dtype.itemsize * math.prod(stack.shape) for stack in self.stacks())

    def files(self, start: int, stop: int) -> list[str]:  # noqa: ARG002  (both are small)
        """Return the names of the files of both arrays."""
        return files_of(self.location, open_container(self.location).digests(self.keys))

    def read(self, start: int, stop: int) -> NDArray[np.float32]:
        """Return trials start to stop, (trial, voxel) float32."""
        train = self.rows[0]
        spans = ((start, min(stop, train)), (max(start - train, 0), stop - train))
        parts = [
            as_singles(stack.rows(*span))
            for stack, span in zip(self.stacks(), spans, strict=True)
            if span[0] < span[1]
        ]
        return np.concatenate(parts) if parts else np.empty((0, self.voxels), np.float32)


def open_betas(location: Location, keys: tuple[str, str]) -> ArraysBetas:
    """Open training and test voxels and check their shapes, without reading them.

    Parameters
    ----------
    location : Location
        The file or folder.
    keys : tuple of str
        Names of the training and the test array, both (row, voxel).

    Returns
    -------
    ArraysBetas
        A lazy reader.

    Raises
    ------
    Invalid
        If one is no real (row, voxel) matrix, or they differ in voxels.
    """
    container = open_container(location)
    train, test = (_matrix(container.array(key)) for key in keys)
    if train.shape[1] != test.shape[1]:
        cure = "both look transposed" if len(train) == len(test) else "store the same voxels in both"
        found = f"{train} has shape {train.shape} and {test.key!r} {test.shape}"
        raise Invalid(f"{found}, expected (row, voxel) with equally many voxels: {cure}")
    return ArraysBetas(location, keys, (len(train), len(test)), train.shape[1])


def _matrix(stack: Stack) -> Stack:
    if len(stack.shape) != 2 or 0 in stack.shape:
        expected = "(row, voxel) with at least one of each"
        raise Invalid(f"{stack} has shape {stack.shape}, expected {expected}: reshape it")
    return stack.numbers()


def as_singles(stored: NDArray[Any]) -> NDArray[np.float32]:
    """Return numbers as float32; those too large for it become infinite, which `check_finite` finds."""
    with np.errstate(over="ignore"):
        return stored.astype(np.float32, copy=False)


def check_finite(betas: ArraysBetas, places: NDArray[np.int32] | None = None) -> None:
    """Read all voxels once.

    Parameters
    ----------
    betas : ArraysBetas
        The voxels.
    places : ndarray, optional
        (voxel, axis) int32: i, j and k, where they are known.

    Raises
    ------
    Invalid
        If a number is NaN, infinite, or too large for float32; the first five are named, and all counted.
    """
    for stack in betas.stacks():
        count, named = 0, list[str]()
        for first, rows in stack.blocks():
            bad = np.argwhere(~np.isfinite(as_singles(rows)))
            count += len(bad)
            shown = bad[: _NAMED - len(named)]
            for row, column in shown:
                place = "" if places is None else _place(places[column])
                named.append(_name(stack.key, first + row, column, rows[row, column], place))
        if count:
            more = f" and {count - len(named)} more" if count > len(named) else ""
            found = f"{stack} holds {count} numbers that are not finite as float32: {'; '.join(named)}{more}"
            raise Invalid(f"{found}; leave these voxels or rows out, or fill them")


def _name(key: str, row: int, column: int, value: Any, place: str) -> str:
    return f"voxel {column}{place} (column {column} of {key}), row {row} is {value:g}"


def _place(ijk: NDArray[np.int32]) -> str:
    return f" at {', '.join(f'{axis} {number}' for axis, number in zip('ijk', ijk, strict=True))}"
