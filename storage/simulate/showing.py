"""Which picture is shown when: every picture three times, in a random order, a tenth of them held out."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from .brain import SHOWINGS

if TYPE_CHECKING:
    from numpy.typing import NDArray

LEAST = 10
"""Fewer pictures would leave fewer than two to test on."""


@dataclass(frozen=True)
class Design:
    """How many pictures there are and how many trials show them.

    Attributes
    ----------
    train, test : int
        Distinct pictures; each is shown three times, the last training picture perhaps less often.
    trials : int
        Trials of all sessions together.
    """

    train: int
    test: int
    trials: int

    @property
    def images(self) -> int:
        """Distinct pictures, training then test."""
        return self.train + self.test

    def order(self, rng: np.random.Generator) -> NDArray[np.int64]:
        """Return a random order of showings: (trial) picture numbers, those of test pictures last."""
        times = np.full(self.images, SHOWINGS)
        times[self.train - 1] -= SHOWINGS * self.images - self.trials
        return np.asarray(rng.permutation(np.repeat(np.arange(self.images), times)))


def plan_showings(images: int, sessions: int, trials: int | None) -> Design:
    """Plan which pictures are shown how often.

    Parameters
    ----------
    images : int
        Distinct pictures that are shown three times; a tenth of them is held out for testing.
    sessions : int
        How many sessions.
    trials : int, optional
        Trials a session; by default as few as show every picture three times. With more, new training
        pictures are added, which are shown three times as well, the last of them perhaps less often.

    Returns
    -------
    Design
        The plan.

    Raises
    ------
    ValueError
        If there are too few pictures, sessions or trials.
    """
    if images < LEAST or sessions < 1:
        raise ValueError(
            f"{images} images in {sessions} sessions cannot be simulated: use {LEAST} images or more"
        )
    needed = SHOWINGS * images
    each = -(-needed // sessions) if trials is None else trials
    if each * sessions < needed:
        text = f"{sessions} sessions of {each} trials are too few to show {images} images {SHOWINGS} times: "
        raise ValueError(text + f"use at least {-(-needed // sessions)} trials a session")
    added = -(-(each * sessions - needed) // SHOWINGS)
    test = max(2, images // 10)
    return Design(images - test + added, test, each * sessions)
