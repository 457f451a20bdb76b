"""Mean and spread of targets whose rows stream past in blocks."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from pipeline.errors import ShapeError

from .correction import Moments, moments
from .namespace import namespace_of

if TYPE_CHECKING:
    from .namespace import Array, Rows


class RunningMoments:
    """Moments of rows seen so far, joined block by block (Chan, Golub and LeVeque 1983), in float64."""

    def __init__(self) -> None:
        self.count = 0.0
        self.mean: Array | None = None
        self.square: Array | None = None

    def add(self, values: Array, counts: Rows) -> None:
        """Take in a block.

        Parameters
        ----------
        values : (row, t)
            Targets, an entry a picture.
        counts : (row,) int
            How many training rows saw each picture, on the host. Where all are 0 nothing is added.
        """
        added = float(np.sum(counts))
        if not added:
            return
        block = moments(values, counts)
        if self.mean is None or self.square is None:
            self.count, self.mean, self.square = added, block.mean, added * block.std**2
            return
        total, shift = self.count + added, block.mean - self.mean
        self.square = self.square + added * block.std**2 + shift**2 * (self.count * added / total)
        self.mean = self.mean + shift * (added / total)
        self.count = total

    def moments(self) -> Moments:
        """Return the moments of all rows so far.

        Raises
        ------
        ShapeError
            If there were none.
        """
        if self.mean is None or self.square is None:
            raise ShapeError("No rows of targets found; expected at least one.")
        return Moments(self.mean, namespace_of(self.mean).sqrt(self.square / self.count))
