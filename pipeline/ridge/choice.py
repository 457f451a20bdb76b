"""The choice among candidate alphas that follows from their errors."""

from __future__ import annotations

from dataclasses import dataclass

from pipeline.errors import ShapeError

from .namespace import Array, namespace_of

NOTHING_VARIES = (
    "No target varies over the training rows, so no alpha is better than another; "
    "give alpha as a number, or look at the features."
)


@dataclass(frozen=True)
class Errors:
    """Mean squared error of held-out predictions: of every target, for every candidate alpha."""

    values: Array
    """(candidate, t) float64; infinite where rows are fitted exactly, which tells nothing of unseen ones."""
    variance: Array
    """(t,) float64: of the targets over training rows, ddof 0; exactly 0 where one is constant."""

    def best(self) -> Array:
        """Return the candidate of smallest error for every target, (t,) int; of equal ones the first.

        A constant target, which every alpha predicts, takes the last, as does one of infinite errors alone.
        """
        xp = namespace_of(self.values)
        found = xp.argmin(self.values, axis=0)
        last = xp.zeros_like(found) + (self.values.shape[0] - 1)
        return xp.where((self.variance > 0) & xp.any(xp.isfinite(self.values), axis=0), found, last)

    def explained(self) -> Array:
        """Return the share of all targets' variance each candidate explains, (candidate,) float64.

        That is 1 - error / variance, summed over targets first: its best is the candidate of smallest error.

        Raises
        ------
        ShapeError
            If no target varies, or every candidate fits every row exactly.
        """
        xp = namespace_of(self.values)
        total = float(xp.sum(self.variance))
        if not total > 0:
            raise ShapeError(NOTHING_VARIES)
        found = 1.0 - xp.sum(self.values, axis=1) / total
        if not bool(xp.any(xp.isfinite(found))):
            raise ShapeError(
                "Every candidate alpha fits training rows exactly; expected larger ones: raise to."
            )
        return found
