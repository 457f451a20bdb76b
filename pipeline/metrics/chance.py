"""What a score would be if made pictures had nothing to do with the seen ones."""

from __future__ import annotations

import numpy as np

HALF = 0.5
"""What guessing one of two yields, whatever the pictures."""

PAIRS = 1000
"""About as many mismatched pairs as are scored, but every row at least once."""


def shifts_of(rows: int, seed: int) -> list[int]:
    """Return by how many rows made pictures are shifted against seen ones, to pair what does not belong.

    Parameters
    ----------
    rows
        Number of rows.
    seed
        Same seed, same shifts.

    Returns
    -------
    list of int
        max(1, min(rows - 1, 1000 // rows)) different ones from 1 to rows - 1; none for a single row.
    """
    if rows < 2:
        return []
    count = max(1, min(rows - 1, PAIRS // rows))
    drawn = np.random.Generator(np.random.PCG64(seed)).random(rows - 1)
    return [int(shift) + 1 for shift in np.argsort(drawn, kind="stable")[:count]]
