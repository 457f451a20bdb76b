"""Which subject sees which picture when: entries of its own list, in one order for all subjects."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from ..showing import Design

    Integers = NDArray[np.int64]

RUNS = 12
"""Runs a session."""
LISTED = 8
"""NSD has eight subjects, and lists of pictures for all, however many of them one has downloaded."""
SPREAD = 4
"""There are so many times more pictures than a subject is planned to see: its ids have holes."""


@dataclass(frozen=True)
class Experiment:
    """The design of all subjects. Ids that count from 1 do so because NSD's files do.

    Attributes
    ----------
    subjectim : ndarray
        (subject, entry) int64, id of each entry of a subject's list among all pictures, from 1
        (NSD's 73k id); the first `shared` entries are those of all subjects.
    ordering : ndarray
        (trial) int64, the entry that is shown, from 1 (NSD's 10k id), over all sessions.
    shared : int
        Pictures that all subjects see; they are the test pictures.
    sessions : int
        How many sessions; each has the same number of trials.
    rows : int
        How many pictures there are.
    """

    subjectim: Integers
    ordering: Integers
    shared: int
    sessions: int
    rows: int

    @property
    def trials(self) -> int:
        """Trials a session."""
        return len(self.ordering) // self.sessions

    @property
    def shared_ids(self) -> Integers:
        """(shared picture) int64, sorted ids from 1."""
        return np.sort(self.subjectim[0, : self.shared])

    def shown(self, subject: int) -> Integers:
        """Return the pictures a subject saw, (trial) int64, counted from 0; the first subject is 0."""
        return np.asarray(self.subjectim[subject, self.ordering - 1] - 1)

    def runs(self) -> Integers:
        """Return how many trials each run of a session has: 63, 62, 63, 62 ... of NSD's 750."""
        count = min(RUNS, self.trials)
        edges = -(-self.trials * np.arange(count + 1) // count)
        return np.diff(edges)


def plan_experiment(design: Design, sessions: int, rows: int, rng: np.random.Generator) -> Experiment:
    """Deal pictures to eight subjects and put their showings in an order.

    Subjects are dealt different pictures as long as there are enough, then the first ones again. Every
    list also has entries that are never shown, and a twentieth of the pictures is on nobody's list.

    Parameters
    ----------
    design : Design
        How many pictures a subject sees, and in how many trials.
    sessions : int
        How many sessions.
    rows : int
        How many pictures there are.
    rng : numpy.random.Generator
        Where chance comes from.

    Returns
    -------
    Experiment
        The design.

    Raises
    ------
    ValueError
        If there are fewer pictures than a subject is to see.
    """
    ids = rng.permutation(rows) + 1
    shared, pool = ids[: design.test], ids[design.test + rows // 20 :]
    if design.train > len(pool):
        text = f"{design.trials} trials would show {design.images} pictures, of which there are {rows}: "
        raise ValueError(text + f"use fewer trials, or more than {rows // SPREAD} images")
    spare = min(max(1, design.images // 5), len(pool) - design.train)
    column = design.test + rng.permutation(design.train + spare)
    subjectim = np.empty((LISTED, design.test + len(column)), np.int64)
    subjectim[:, : design.test] = shared
    for subject, listed in enumerate(subjectim):
        dealt = np.arange(len(column)) + subject * design.train
        listed[column] = np.take(pool, dealt, mode="wrap")
    entry = np.concatenate([column[: design.train], np.arange(design.test)]) + 1
    return Experiment(subjectim, entry[design.order(rng)], design.test, sessions, rows)
