"""Betas: the sessions' files, each all trials of a space, read for the voxels that are wanted."""

from __future__ import annotations

from dataclasses import dataclass
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

import numpy as np

from storage.looks import together
from storage.spilling import release, zeros

from . import betas_hdf5, betas_mgh, betas_nifti

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from numpy.typing import NDArray

    from storage.remote import Location
    from storage.transfer import Stat

FIXED_BLOCK = 750
"""Trials a block where sessions differ in length."""
READERS: Mapping[str, betas_hdf5.Format] = MappingProxyType(
    {".hdf5": betas_hdf5, ".mgh": betas_mgh, ".gz": betas_nifti}
)
"""What reads a file, by the last ending of its name."""


@dataclass(frozen=True)
class Session:
    """One session's files: one, on surfaces one a hemisphere.

    Attributes
    ----------
    locations : tuple of Location
        Where they lie; their ending tells the format.
    trials : int
        How many each must hold.
    """

    locations: tuple[Location, ...]
    trials: int


@dataclass(frozen=True, eq=False)
class Part:
    """What is read of each session's file.

    Attributes
    ----------
    grid : tuple of int
        How many places the file has: along x, y and z, or vertices.
    places : ndarray
        (voxel, axis) int32, those that are read.
    """

    grid: tuple[int, ...]
    places: NDArray[np.int32]


@dataclass(frozen=True, eq=False)
class NsdBetas:
    """The chosen sessions one after the other, the chosen voxels of each.

    Attributes
    ----------
    sessions : tuple of Session
        In order of time.
    parts : tuple of Part
        Of each file of a session; their voxels stand beside each other.
    dtype : str
        int16, or float32 on fsaverage.
    scale : float
        Factor from stored numbers to percent signal change.
    """

    sessions: tuple[Session, ...]
    parts: tuple[Part, ...]
    dtype: str = "int16"
    scale: float = 1 / 300

    @property
    def shape(self) -> tuple[int, int]:
        """(trial, voxel)."""
        return sum(session.trials for session in self.sessions), sum(len(part.places) for part in self.parts)

    @property
    def block(self) -> int:
        """Trials a block: a session where all but the last are equally long, else a fixed count."""
        lengths = {session.trials for session in self.sessions[:-1]} or {self.sessions[-1].trials}
        return lengths.pop() if len(lengths) == 1 else FIXED_BLOCK

    @property
    def moved(self) -> int:
        """Bytes that reading them all takes, as the first session's files have it: their headers are read."""
        first = self.sessions[0]
        pieces = self._pieces(0, first.trials)
        return round(sum(piece.moved() for piece in pieces) * self.shape[0] / first.trials)

    def check(self) -> None:
        """Read every header, and raise `Invalid` where one is of another shape or type, or a file is cut."""
        together(*(piece.check for piece in self._pieces(0, self.shape[0], every=True)))

    def files(self, start: int, stop: int) -> list[str]:
        """Return the URLs of the files that trials start to stop are read from."""
        return [str(each.location) for each in self._pieces(start, stop)]

    def read(self, start: int, stop: int) -> NDArray[Any]:
        """Return trials start to stop, (trial, voxel); times `scale` it is percent signal change.

        Raises
        ------
        Missing, Denied, Unreachable, Changed
            As the store says.
        Invalid
            If a file is truncated, damaged, or of another shape or type.
        """
        pieces = list(self._pieces(start, stop))
        if len(pieces) == 1:
            return pieces[0].read()
        found = zeros((max(0, stop - start), self.shape[1]), np.dtype(self.dtype))
        for piece in pieces:
            found[piece.rows, piece.columns] = piece.read()
            release(found)
        return found

    def _pieces(self, start: int, stop: int, *, every: bool = False) -> Iterator[Piece]:
        """Yield what is read of each file for some trials."""
        first = 0
        for session in self.sessions:
            lower, upper = max(start - first, 0), min(stop - first, session.trials)
            if lower < upper:
                rows, column = slice(first + lower - start, first + upper - start), 0
                for location, part in zip(session.locations, self.parts, strict=True):
                    columns = slice(column, column + len(part.places))
                    if len(part.places) or every:
                        yield Piece(location, part, session.trials, (lower, upper), rows, columns)
                    column = columns.stop
            first += session.trials


@dataclass(frozen=True, eq=False)
class Piece:
    """Some trials of one file, and where they stand in what is read.

    Attributes
    ----------
    location : Location
        The file.
    part : Part
        Which of its voxels.
    trials : int
        How many the file must hold.
    span : tuple of int
        First and last of those that are read, the last left out.
    rows, columns : slice
        Where they stand.
    """

    location: Location
    part: Part
    trials: int
    span: tuple[int, int]
    rows: slice
    columns: slice

    def moved(self) -> int:
        """Return about how many bytes reading all its trials takes; of a file to come, what they are."""
        stat = self.location.stat_or_none()
        if stat is None:
            return 2 * self.trials * len(self.part.places)
        return READERS[self.location.suffix].moved(self.location, stat, self.part.places)

    def read(self) -> NDArray[Any]:
        """Return (trial, voxel), once the file's header was checked; both of one version of the file."""
        reader, stat = READERS[self.location.suffix], self.check()
        return np.asarray(reader.read(self.location, stat, self.part.places, *self.span))

    def check(self) -> Stat:
        """Check the file's header, and return which version of it that is."""
        stat = self.location.stat()
        READERS[self.location.suffix].check(self.location, stat, self.trials, self.part.grid)
        return stat
