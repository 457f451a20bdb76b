"""What a score would be if made pictures had nothing to do with the seen ones."""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeAlias

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Callable

    from .pictures import Pictures, Scores

Score: TypeAlias = "Callable[[Pictures, Pictures], Scores]"
Chance: TypeAlias = "Callable[[Pictures, Pictures, int], float]"

PAIRS = 1000
"""About as many mismatched pairs as are scored, but every row at least once."""

ROWS = 32
"""Rows of pictures copied at a time."""


def half(_seen: Pictures, _made: Pictures, _seed: int = 0) -> float:
    """Return 0.5: what guessing one of two yields, whatever the pictures."""
    return 0.5


def mismatched(function: Score) -> Chance:
    """Return the chance level of a score: its mean over pairs that do not belong together.

    Parameters
    ----------
    function : callable
        A score of each row by itself: (seen, made) -> (row,).

    Returns
    -------
    callable
        (seen, made, seed) -> float. Every seen picture is paired with the made picture k rows on, cyclically,
        for max(1, min(n - 1, 1000 // n)) different seeded k from 1 to n - 1. NaN for a single picture.
    """

    def chance(seen: Pictures, made: Pictures, seed: int = 0) -> float:
        shifts = _shifts(len(seen), seed)
        if not shifts:
            return float("nan")
        return float(np.mean([_shifted(function, seen, made, shift).mean() for shift in shifts]))

    return chance


def _shifts(rows: int, seed: int) -> list[int]:
    if rows < 2:
        return []
    count = max(1, min(rows - 1, PAIRS // rows))
    drawn = np.random.Generator(np.random.PCG64(seed)).random(rows - 1)
    return [int(shift) + 1 for shift in np.argsort(drawn, kind="stable")[:count]]


def _shifted(function: Score, seen: Pictures, made: Pictures, shift: int) -> Scores:
    rows = np.arange(len(seen))
    parts = np.split(rows, range(ROWS, len(rows), ROWS))
    return np.concatenate([function(seen[part], made[(part + shift) % len(seen)]) for part in parts])
