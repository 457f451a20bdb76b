"""The design of the experiment: which picture each trial shows to whom."""

from __future__ import annotations

import io
from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING, Any

import numpy as np

from storage.errors import Invalid, Missing
from storage.hdf5.ranged import open_by_h5py
from storage.matlab5 import check
from storage.reading import reading

from .layout import DESIGN, RUNS, SESSIONS

if TYPE_CHECKING:
    from collections.abc import Mapping

    from numpy.typing import NDArray

    from storage.remote import Location

    Integers = NDArray[np.int64]


@dataclass(frozen=True, eq=False)
class Design:
    """The design of the experiment; all its numbers count from 1, as their names say.

    Attributes
    ----------
    where : str
        The file, for messages.
    kid10 : ndarray
        (trial) int64, which of a subject's pictures is shown; the same for all subjects.
    kid73 : ndarray
        (subject, kid10 - 1) int64, which picture of the release that is.
    shared : int
        The first so many of a subject's pictures are those that all subjects see.
    runs : ndarray, optional
        (session, run) int64, how many trials; None where the design does not say.
    """

    where: str
    kid10: Integers
    kid73: Integers
    shared: int
    runs: Integers | None

    def shown(self, number: int, trials: int) -> Integers:
        """Return (trial) int64, the 1-based pictures a subject (1-based) sees in the first trials.

        Raises
        ------
        Invalid
            If the design has no such subject or not so many trials, or an id is out of range.
        """
        if trials > len(self.kid10) or number > len(self.kid73):
            found = f"{self.where} designs {len(self.kid10)} trials of {len(self.kid73)} subjects"
            raise Invalid(f"{found}, but {trials} of subject {number} are needed; get the whole release")
        kid10 = self.kid10[:trials]
        _check_ids(self.where, "masterordering", kid10, self.kid73.shape[1])
        return np.asarray(self.kid73[number - 1, kid10 - 1])

    @property
    def shared_kid73(self) -> Integers:
        """(picture) int64, ascending, the 1-based pictures that all subjects see; the release's sharedix."""
        return np.sort(self.kid73[0, : self.shared])

    @property
    def sessions(self) -> int:
        """How many sessions were designed."""
        return max(SESSIONS) if self.runs is None else len(self.runs)

    def calendar(self) -> tuple[Integers, Integers]:
        """Return session and run, both 1-based, of every designed trial: (trial) int64 each."""
        runs = self.runs
        if runs is None:
            each = np.diff(_even(len(self.kid10), self.sessions))
            runs = np.stack([np.diff(_even(int(trials), RUNS)) for trials in each])
        session, run = (axis.ravel() + 1 for axis in np.indices(runs.shape))
        return np.repeat(session, runs.ravel()), np.repeat(run, runs.ravel())


def _even(count: int, parts: int) -> Integers:
    """Return the edges of parts as even as can be, the larger first: runs have 63, 62, 63, 62 ... trials."""
    return np.asarray(-(-np.arange(parts + 1) * count // parts))


def _check_ids(where: str, name: str, ids: Integers, most: int) -> None:
    bad = np.flatnonzero((ids < 1) | (ids > most))
    if len(bad):
        found = f"{name} of {where} is {ids[bad[0]]} in trial {bad[0] + 1}"
        raise Invalid(f"{found}, expected 1 to {most}: the file is damaged or of another release")


def read_design(root: Location) -> Design:
    """Read the design of a release, once a process and version of the file.

    Raises
    ------
    Missing, Denied, Unreachable
        As the store says.
    Invalid
        If a variable is absent or of another shape.
    """
    location = root / DESIGN
    found = location.stat_or_none()
    if found is None:
        held = ", ".join(root.folders()) or "no folder"  # says so itself where there is no such bucket
        raise Missing(
            f"{location} does not exist; data.source must be the root of a release, but holds {held}"
        )
    return _design(location, found.etag)


@lru_cache(maxsize=8)
def _design(location: Location, _etag: str) -> Design:
    content = location.read()
    with reading(str(location)):
        found = read_matrices(content)
    for name in ("masterordering", "subjectim", "sharedix"):
        if name not in found:
            raise Invalid(f"{location} has no variable {name!r}; it has {', '.join(sorted(found)) or 'none'}")
    kid10, kid73 = found["masterordering"].ravel(), found["subjectim"]
    if kid73.ndim != 2 or not kid10.size:
        shapes = f"masterordering {found['masterordering'].shape} and subjectim {kid73.shape}"
        raise Invalid(f"{location} has {shapes}, expected (1, trial) and (subject, picture): get it again")
    return Design(str(location), kid10, kid73, found["sharedix"].size, _runs(found, kid10.size))


def read_matrices(content: bytes) -> dict[str, Integers]:
    """Return the numeric variables of a .mat file, whether of MATLAB 5 to 7 or, which is HDF5, of 7.3."""
    if content[:10] == b"MATLAB 7.3" or content[:4] == b"\x89HDF":
        import h5py

        with open_by_h5py(io.BytesIO(content)) as file:
            names = list(
                file
            )  # a walk of h5py's that a fault ends keeps its lock as long as the fault is known
            read: Mapping[str, Any] = {
                name: file[name][()].T for name in names if isinstance(file[name], h5py.Dataset)
            }
    else:
        from scipy.io import loadmat

        check(content)
        read = loadmat(io.BytesIO(content))
    numbers = {name: np.asarray(value) for name, value in read.items() if not name.startswith("__")}
    return {name: value.astype(np.int64) for name, value in numbers.items() if value.dtype.kind in "iufb"}


def _runs(found: Mapping[str, Integers], trials: int) -> Integers | None:
    pattern = found.get("stimpattern")
    if pattern is None or pattern.ndim != 3 or pattern.sum() != trials:
        return None
    return np.asarray(pattern.sum(axis=2))
