"""Betas: the sessions' files, each all trials of a whole volume, read for the voxels that are wanted."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from . import betas_hdf5, betas_nifti

if TYPE_CHECKING:
    from collections.abc import Iterator

    from numpy.typing import NDArray

    from storage.remote import Location

    Stored = NDArray[np.int16]

FIXED_BLOCK = 750
"""Trials a block where sessions differ in length."""


@dataclass(frozen=True)
class Session:
    """One session's file.

    Attributes
    ----------
    location : Location
        Where it lies; its ending tells the format.
    trials : int
        How many it must hold.
    """

    location: Location
    trials: int

    def check(self, grid: tuple[int, int, int]) -> None:
        """Read the header, and raise `Invalid` where it is of another shape or type, or the file is cut."""
        self._format.check(self.location, self.trials, grid)

    def moved(self, places: NDArray[np.int32]) -> int:
        """Return about how many bytes reading some voxels takes; of a file to come, what they are."""
        if self.location.stat_or_none() is None:
            return 2 * self.trials * len(places)
        return self._format.moved(self.location, places)

    def read(self, grid: tuple[int, int, int], places: NDArray[np.int32], start: int, stop: int) -> Stored:
        """Return (trial, voxel) int16 of trials start to stop."""
        self.check(grid)
        return np.asarray(self._format.read(self.location, places, start, stop))

    @property
    def _format(self) -> betas_hdf5.Format:
        return betas_hdf5 if self.location.suffix == ".hdf5" else betas_nifti


@dataclass(frozen=True, eq=False)
class NsdBetas:
    """The chosen sessions one after the other, the chosen voxels of each.

    Attributes
    ----------
    sessions : tuple of Session
        In order of time.
    grid : tuple of int
        How many places along x, y and z.
    places : ndarray
        (voxel, axis) int32, x, y, z of each voxel.
    """

    sessions: tuple[Session, ...]
    grid: tuple[int, int, int]
    places: NDArray[np.int32]
    dtype: str = "int16"
    scale: float = 1 / 300

    @property
    def shape(self) -> tuple[int, int]:
        """(trial, voxel)."""
        return sum(session.trials for session in self.sessions), len(self.places)

    @property
    def block(self) -> int:
        """Trials a block: a session where all are equally long."""
        lengths = {session.trials for session in self.sessions}
        return lengths.pop() if len(lengths) == 1 else FIXED_BLOCK

    @property
    def moved(self) -> int:
        """Bytes that reading them all takes, as the first session's file has it: one header is read."""
        first = self.sessions[0]
        return round(first.moved(self.places) * self.shape[0] / first.trials)

    def files(self, start: int, stop: int) -> list[str]:
        """Return the URLs of the sessions that trials start to stop belong to."""
        return [str(session.location) for session, _, _ in self._parts(start, stop)]

    def read(self, start: int, stop: int) -> Stored:
        """Return trials start to stop, (trial, voxel) int16; times `scale` it is percent signal change.

        Raises
        ------
        Missing, Denied, Unreachable, Changed
            As the store says.
        Invalid
            If a file is truncated, damaged, or of another shape or type.
        """
        parts = [
            session.read(self.grid, self.places, lower, upper)
            for session, lower, upper in self._parts(start, stop)
        ]
        if len(parts) == 1:
            return parts[0]
        return np.concatenate(parts) if parts else np.empty((0, len(self.places)), np.int16)

    def _parts(self, start: int, stop: int) -> Iterator[tuple[Session, int, int]]:
        """Yield each session that has some of the trials, and which of its own they are."""
        first = 0
        for session in self.sessions:
            lower, upper = max(start - first, 0), min(stop - first, session.trials)
            if lower < upper:
                yield session, lower, upper
            first += session.trials
