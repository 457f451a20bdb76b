"""The trials of the chosen sessions: which picture was shown when, and how often before."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from storage.errors import Invalid

from .stimuli import image_id

if TYPE_CHECKING:
    import xarray as xr
    from numpy.typing import NDArray

    from .design import Design
    from .record import Record

    Integers = NDArray[np.int64]


@dataclass(frozen=True, eq=False)
class Shown:
    """The trials of the chosen sessions, in order of time.

    Attributes
    ----------
    session, run : ndarray
        (trial) int16, 1-based.
    picture : ndarray
        (trial) int64, 0-based NSD picture number.
    shared : ndarray
        (trial) bool, whether all subjects see the picture.
    """

    session: NDArray[np.int16]
    run: NDArray[np.int16]
    picture: Integers
    shared: NDArray[np.bool_]

    @property
    def repeat(self) -> NDArray[np.int16]:
        """(trial) int16, the 0-based showing of the picture within the chosen sessions."""
        order = np.argsort(self.picture, kind="stable")
        _, first, group = np.unique(self.picture[order], return_index=True, return_inverse=True)
        repeat = np.empty(len(order), np.int16)
        repeat[order] = np.arange(len(order)) - first[group]
        return repeat

    @property
    def first(self) -> Integers:
        """(image) int64, the trial that shows each distinct picture first."""
        return np.sort(np.unique(self.picture, return_index=True)[1])

    @property
    def lengths(self) -> tuple[int, ...]:
        """How many trials each chosen session has."""
        return tuple(map(int, np.unique(self.session, return_counts=True)[1]))

    @property
    def per_showing(self) -> float:
        """What single-trial noise variance shrinks to by averaging, 1/n: its mean over pictures.

        With A, B and C pictures shown three times, twice and once it is (A/3 + B/2 + C) / (A + B + C).
        """
        return float((1 / np.unique(self.picture, return_counts=True)[1]).mean())


def shown_in(design: Design, record: Record | None, number: int, sessions: tuple[int, ...]) -> Shown:
    """Return the trials of chosen sessions of a subject (1-based).

    Parameters
    ----------
    design : Design
        Says which picture a trial shows.
    record : Record, optional
        Says which session and run a trial belongs to; the design does where there is none.
    number : int
        The subject.
    sessions : tuple of int
        1-based, ascending.

    Raises
    ------
    Invalid
        If record and design differ, or a session is in neither.
    """
    if record is not None:
        record.check(design, number)
    session, run = design.calendar() if record is None else (record.session, record.run)
    absent = sorted(set(sessions) - set(session.tolist()))
    if absent:
        where = design.where if record is None else record.where
        raise Invalid(f"{where} has no trials of session {absent[0]}; get it again, or leave the session out")
    last = int(np.flatnonzero(session == sessions[-1])[-1]) + 1
    chosen = np.flatnonzero(np.isin(session[:last], sessions))
    kid73 = design.shown(number, last)[chosen]
    if (kid73 < 1).any():
        raise Invalid(f"subjectim of {design.where} has no picture for trial {chosen[kid73 < 1][0] + 1}")
    return Shown(
        session[chosen].astype(np.int16),
        run[chosen].astype(np.int16),
        kid73 - 1,
        design.kid10[chosen] <= design.shared,
    )


def core_trials(shown: Shown, test: NDArray[np.bool_]) -> xr.Dataset:
    """Return session, run, repeat, test, image_id and nsd_id (trial)."""
    import xarray as xr

    names = np.array([image_id(each) for each in shown.picture.tolist()], object)
    return xr.Dataset(
        {
            "session": ("trial", shown.session),
            "run": ("trial", shown.run),
            "repeat": ("trial", shown.repeat),
            "test": ("trial", test),
            "image_id": ("trial", names),
        },
        coords={"nsd_id": ("trial", shown.picture.astype(np.int32))},
    )
