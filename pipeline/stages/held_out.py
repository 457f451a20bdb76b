"""What is left out together while alphas are scored: pictures or folds, never part of a picture."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

import numpy as np

from .. import ridge
from ..errors import RecipeError, ShapeError
from ..ridge.correction import TILE
from ..ridge.groups import ROWS

if TYPE_CHECKING:
    import xarray as xr

    from .matrix import Matrix

By = Literal["gcv", "loo", "kfold", "retrieval"]


@dataclass(frozen=True)
class HeldOut:
    """How candidate alphas are scored on the training rows."""

    by: By
    pictures: np.ndarray
    """(row) int: the picture each training row saw."""
    fold: np.ndarray
    """(row) int: its fold, the same for all rows of a picture."""

    @classmethod
    def of(cls, matrix: Matrix, by: By) -> HeldOut:
        """Return it for the training rows of a matrix.

        Raises
        ------
        RecipeError
            If rows of one picture would be scored against each other.
        ShapeError
            If there are fewer than two pictures or folds.
        """
        fold = matrix.responses.fold.values[: matrix.training].astype(np.int64)
        made = cls(by, matrix.pictures[1], fold)
        distinct = len(matrix.pictures[0])
        if by == "gcv" and distinct < matrix.training:
            raise RecipeError(
                f'by = "gcv" would score {matrix.training} single trials of {distinct} pictures as if no two '
                'were of one; choose by = "loo" or "kfold", which leave a picture\'s trials out together'
            )
        _ = made.groups
        if by == "retrieval":
            made.check_folds()
        return made

    def check_folds(self) -> None:
        """Raise `ShapeError` if a fold holds one picture alone, which cannot be told from another."""
        seen = np.unique(np.stack([self.fold, self.pictures]), axis=1)
        folds, pictures = np.unique(seen[0], return_counts=True)
        if pictures.min() < 2:
            alone = folds[pictures.argmin()]
            raise ShapeError(
                f'by = "retrieval" tells a picture from others of its fold, but fold {alone} '
                f"of {len(folds)} holds one alone; lower [ridge] folds, or give more training pictures"
            )

    @property
    def groups(self) -> ridge.Groups:
        """The rows left out together."""
        return ridge.Groups.of(self.fold if self.by in ("kfold", "retrieval") else self.pictures)

    def errors(self, candidates: ridge.Candidates) -> ridge.Errors:
        """Return every target's error at every candidate."""
        if self.by == "gcv":
            return ridge.gcv_errors(candidates)
        return ridge.held_out_errors(candidates, self.groups)

    def scores(self, candidates: ridge.Candidates) -> np.ndarray:
        """Return each candidate's score for all targets together; the highest is best."""
        if self.by == "retrieval":
            return ridge.host(ridge.identifications(candidates, self.groups, self.pictures))
        return ridge.host(self.errors(candidates).explained())


def scoring_memory(responses: xr.Dataset, by: By, targets: int, itemsize: int) -> int:
    """Return the bytes that scores of targets take beside the targets and their projection."""
    fold = responses.fold.values
    n = int((fold >= 0).sum())
    tile = 4 * n * min(TILE, targets) * 8
    if by == "gcv":
        return tile
    together = int(np.bincount(fold[fold >= 0]).max()) if by in ("kfold", "retrieval") else 1
    rows = min(n, max(ROWS, together))
    left_out = rows * (2 * n * itemsize + targets * (2 * itemsize + 2 * 8 * (together > 1)))
    return max(tile, left_out + rows * (TILE * 2 * 8 + 2 * together * 8))
