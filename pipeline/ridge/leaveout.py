"""What the ridge would have predicted for a training row, had it not seen that row's picture.

Leaving out the rows g of one picture refits nothing: with the hat matrix H (intercept folded in), predictions
for g without g are (I - H_gg)^-1 H_g Y, taken over the columns outside g. With single rows this is the
well-known (H_i - h_ii e_i) / (1 - h_ii).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from pipeline.errors import PipelineError

from .groups import Groups, Stack
from .namespace import Array, Rows, namespace_of, on_device, row_major
from .residuals import held_out


def sample_rows(n: int, seed: int, count: int = 1000) -> Rows:
    """Return a fixed, seeded choice of training rows.

    Parameters
    ----------
    n : int
        Training rows there are.
    seed : int
        Same seed, same rows, on every machine.
    count : int
        Rows wanted; all n where there are fewer.

    Returns
    -------
    (min(n, count),) int64
        Ascending, without repeats.
    """
    drawn = np.random.Generator(np.random.PCG64(seed)).random(n)
    return np.sort(np.argsort(drawn, kind="stable")[:count])


def partners(sample: Rows, picture_of_row: Rows) -> Rows:
    """Return all rows that saw a picture of the sampled rows: those whose hat rows ``leave_out`` needs.

    Parameters
    ----------
    sample : (s,) int
        Sampled training rows.
    picture_of_row : (n,) int
        The picture each training row saw.

    Returns
    -------
    (k,) int64
        Ascending; the sample itself where no picture was seen twice.
    """
    picture = np.asarray(picture_of_row)
    return np.flatnonzero(np.isin(picture, picture[np.asarray(sample)]))


def leave_out(hat: Array, rows: Rows, picture_of_row: Rows, sample: Rows) -> Array:
    """Return L: predictions L Y for sampled rows by ridges that saw no row of the same picture.

    Parameters
    ----------
    hat : (k, n) float32 or float64
        Rows of the hat matrix, intercept folded in: ``dual_smoother(factor, gram_rows(gram, rows))``, or
        ``primal_smoother`` of centred training rows.
    rows : (k,) int
        Which training rows they are: ``partners(sample, picture_of_row)``.
    picture_of_row : (n,) int
        The picture each training row saw.
    sample : (s,) int
        Rows to predict, each among ``rows``.

    Returns
    -------
    (s, n) same dtype
        Rows sum to one; zeros in the columns of the picture left out.

    Raises
    ------
    PipelineError
        If a row is fitted exactly, so that nothing can be said about the ridge without it.
    ShapeError
        If all training rows saw one picture.
    """
    xp = namespace_of(hat)
    picture, sample = np.asarray(picture_of_row), np.asarray(sample)
    of_hat = _ByHat(hat, np.asarray(rows))
    left = held_out(of_hat, Groups.of(picture, sample))
    wanted = xp.take(left, on_device(np.searchsorted(of_hat.rows, sample), hat), axis=0)
    outside = on_device(picture[sample][:, None] != picture[None, :], hat)
    # The unit that stands in a row's own column is gone with its picture.
    return row_major(xp.where(outside, -wanted, xp.zeros_like(wanted)))


@dataclass(frozen=True)
class _ByHat:
    """The residual maker itself, I - H, from some rows of the hat matrix."""

    hat: Array
    """(k, n)"""
    rows: Rows
    """(k,) int, ascending."""

    def of(self, rows: Rows) -> Array:
        """Return rows of I - H."""
        xp = namespace_of(self.hat)
        own = on_device(rows[:, None] == np.arange(self.hat.shape[1])[None, :], self.hat)
        hat = xp.take(self.hat, on_device(np.searchsorted(self.rows, rows), self.hat), axis=0)
        return xp.where(own, 1.0 - hat, -hat)

    def block(self, rows: Stack) -> Array:
        """Return (I - H)_gg of some groups."""
        xp = namespace_of(self.hat)
        flat = np.searchsorted(self.rows, rows)[:, :, None] * self.hat.shape[1] + rows[:, None, :]
        picked = xp.take(xp.reshape(self.hat, (-1,)), on_device(flat.ravel(), self.hat), axis=0)
        eye = xp.eye(rows.shape[1], dtype=xp.float64, device=self.hat.device)
        found = eye[None, :, :] - xp.reshape(xp.astype(picked, xp.float64), flat.shape)
        self._check(found, rows)
        return found

    def _check(self, blocks: Array, rows: Stack) -> None:
        xp = namespace_of(blocks)
        left = xp.linalg.diagonal(blocks)
        smallest = float(xp.min(left))
        if not smallest > 8 * xp.finfo(self.hat.dtype).eps:
            row = int(rows.ravel()[int(xp.argmin(xp.reshape(left, (-1,))))])
            raise PipelineError(
                f"Training row {row} is fitted exactly (1 - leverage = {smallest:.1e}), so leaving it out "
                'says nothing; raise alpha, or use correction = "none".'
            )
