"""Intervals for a mean score, by drawing pictures with replacement."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from .pictures import Scores

BATCH = 100
"""Draws held in memory at a time; part of the definition, since the random numbers come in this order."""


def interval(values: Scores, level: float = 0.95, draws: int = 2000, seed: int = 0) -> tuple[float, float]:
    """Return the percentile bootstrap interval of the mean.

    It says how the mean would vary with other pictures for the same brain, not with other brains.

    Parameters
    ----------
    values : (row,) float
        One score a picture.
    level : float
        Share of draws inside, between 0 and 1.
    draws : int
        Resamplings.
    seed : int
        Same seed, same interval.

    Returns
    -------
    low, high : float
        NaN for fewer than two values: one picture says nothing about another.
    """
    values = np.asarray(values, dtype=np.float64)
    if values.size < 2:
        return float("nan"), float("nan")
    random = np.random.Generator(np.random.PCG64(seed))
    means = [
        values[random.integers(values.size, size=(min(BATCH, draws - start), values.size))].mean(axis=1)
        for start in range(0, draws, BATCH)
    ]
    low, high = np.quantile(np.concatenate(means), [(1 - level) / 2, (1 + level) / 2])
    return float(low), float(high)
