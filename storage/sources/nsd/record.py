"""The record of what happened: one row of responses.tsv a trial, held against the design."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING

import numpy as np

from storage.errors import Invalid
from storage.reading import reading

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from storage.remote import Location

    from .design import Design

    Integers = NDArray[np.int64]

COLUMNS = ("SESSION", "RUN", "73KID")
MOST = (999, 99, 10**9)
"""What no column exceeds, far beyond NSD's 40 sessions of 12 runs: ids are held against the design."""


@dataclass(frozen=True, eq=False)
class Record:
    """What happened, a row a trial of one subject, all its sessions.

    Attributes
    ----------
    where : str
        The file, for messages.
    session, run, kid73 : ndarray
        (trial) int64, all counted from 1.
    """

    where: str
    session: Integers
    run: Integers
    kid73: Integers

    def check(self, design: Design, number: int) -> None:
        """Compare with what was designed for a subject (1-based).

        Raises
        ------
        Invalid
            If a trial shows another picture; the first is named.
        """
        designed = design.shown(number, len(self.kid73))
        bad = np.flatnonzero(designed != self.kid73)
        if len(bad):
            at = bad[0]
            found = f"trial {at + 1} (session {self.session[at]}) of {self.where} has 73KID {self.kid73[at]}"
            raise Invalid(
                f"{found}, but {design.where} shows {designed[at]}; {len(bad)} trials differ: "
                "get both files of one release"
            )


def read_record(location: Location) -> Record:
    """Read a subject's responses.tsv, once a process and version of the file.

    Raises
    ------
    Missing, Denied, Unreachable
        As the store says.
    Invalid
        If a column is absent, a value is no whole number in its range, or sessions are not in order.
    """
    return _record(location, location.stat().etag)


def _check_range(location: Location, table: NDArray[np.float64]) -> None:
    for name, most, values in zip(COLUMNS, MOST, table.T, strict=True):
        bad = np.flatnonzero(~((values >= 1) & (values <= most) & (values % 1 == 0)))
        if len(bad):
            raise Invalid(
                f"row {bad[0] + 1} of {location} has {name} {values[bad[0]]:g}, expected a whole number "
                f"from 1 to {most}; {len(bad)} rows are wrong: get it again"
            )


@lru_cache(maxsize=16)
def _record(location: Location, _etag: str) -> Record:
    with reading(str(location)):
        lines = location.read().decode().splitlines()
        header = lines[0].split("\t") if lines else []
        if missing := [name for name in COLUMNS if name not in header]:
            raise Invalid(f"{location} has no column {missing[0]!r}; expected a table with tabs between")
        places = [header.index(name) for name in COLUMNS]
        rows = [line.split("\t") for line in lines[1:] if line.strip()]
        table = np.array([[float(row[place]) for place in places] for row in rows]).reshape(-1, len(places))
    _check_range(location, table)
    session, run, kid73 = table.astype(np.int64).T
    if not len(session) or session[0] != 1 or not np.isin(np.diff(session), (0, 1)).all():
        raise Invalid(f"{location} does not hold sessions 1, 2, 3 ... in order of time; get it again")
    return Record(str(location), session, run, kid73)
