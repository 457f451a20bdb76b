"""From smoother and targets to predictions, with targets that are never repeated for repeated pictures."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from pipeline.errors import ShapeError

from .kernels import kernels_for
from .namespace import Array, Rows, namespace_of, on_device, row_major

if TYPE_CHECKING:
    from collections.abc import Iterable


ROWS = 512
"""Rows of a smoother merged at a time."""


def merge_columns(smoother: Array, picture_of_row: Rows, n_pictures: int) -> Array:
    """Return the smoother with the columns of rows that saw the same picture summed.

    Such rows have the same targets, so the predictions are the same, from targets that are not repeated.

    Parameters
    ----------
    smoother : (m, row) float32 or float64
        A column a training row; a smoother, or ``primal_left``'s matrix.
    picture_of_row : (row,) int
        The picture each training row saw, 0-based, on the host.
    n_pictures : int
        Distinct pictures; one that no row saw gets a column of zeros.

    Returns
    -------
    (m, n_pictures) same dtype
    """
    picture = np.asarray(picture_of_row)
    if picture.shape != (smoother.shape[1],) or np.any((picture < 0) | (picture >= n_pictures)):
        raise ShapeError(
            f"{picture.shape[0]} rows' pictures for {smoother.shape[1]} columns; "
            f"expected one of 0 to {n_pictures - 1} for each."
        )
    if n_pictures == picture.size and np.array_equal(picture, np.arange(picture.size)):
        return row_major(smoother)
    xp, showings = namespace_of(smoother), _showings(picture, n_pictures)
    merged = xp.zeros((smoother.shape[0], n_pictures), dtype=smoother.dtype, device=smoother.device)
    for start in range(0, smoother.shape[0], ROWS):
        part = smoother[start : min(start + ROWS, smoother.shape[0]), :]
        # A column of zeros stands in for the showings a picture did not have.
        blank = xp.zeros((part.shape[0], 1), dtype=part.dtype, device=part.device)
        padded = xp.concat([part, blank], axis=1)
        for rows in showings:
            merged[start : start + part.shape[0], :] += xp.take(padded, on_device(rows, part), axis=1)
    return merged


def _showings(picture: Rows, n_pictures: int) -> list[Rows]:
    """Return, for k = 0, 1 ..., the row (picture,) of every k-th showing, or the number of rows for none."""
    order = np.argsort(picture, kind="stable")
    ordered = picture[order]
    showing = np.arange(picture.size) - np.searchsorted(ordered, ordered)
    rows = np.full((int(showing.max(initial=-1)) + 1, n_pictures), picture.size)
    rows[showing, ordered] = order
    return list(rows)


def predict(smoother: Array, targets: Array, offset: Array | None = None) -> Array:
    """Return predictions for a block of targets.

    Parameters
    ----------
    smoother : (m, column) float32 or float64
        With the intercept folded in; its dtype is that of the computation.
    targets : (column, t)
        As they are, not centred.
    offset : (t,), optional
        Taken off the targets first and added again: the same predictions, because rows of a smoother sum to
        one, but more exact where means exceed 100 standard deviations. Costs a copy of the targets.

    Returns
    -------
    (m, t) dtype of the smoother
    """
    xp = namespace_of(smoother)
    if offset is None:
        return smoother @ xp.astype(targets, smoother.dtype, copy=False)
    shift = xp.astype(offset, smoother.dtype)
    return smoother @ (xp.astype(targets, smoother.dtype, copy=False) - shift) + shift


def predict_blocks(smoother: Array, blocks: Iterable[Array]) -> Array:
    """Return predictions for targets whose rows stream past: they are never held together.

    Parameters
    ----------
    smoother : (m, column) float32 or float64
        With the intercept folded in, or any other matrix to multiply targets by; its dtype is that of the
        computation.
    blocks : iterable of (row, t)
        Targets as they are; consecutive rows, one a column, in the order of the columns. Float16 is widened.

    Returns
    -------
    (m, t) dtype of the smoother
        Summed block by block, so its last bits depend on where the blocks end.

    Raises
    ------
    ShapeError
        If the blocks hold more or fewer rows than the smoother has columns.
    """
    xp, kernels = namespace_of(smoother), kernels_for(smoother)
    predicted, start = None, 0
    for block in blocks:
        if predicted is None:
            predicted = kernels.accumulator(smoother.shape[0], block.shape[1], smoother)
        stop = start + block.shape[0]
        if stop <= smoother.shape[1]:
            targets = xp.astype(block, smoother.dtype, copy=False)
            kernels.product_update(predicted, row_major(smoother[:, start:stop]), targets.T)
        start = stop
    if predicted is None or start != smoother.shape[1]:
        raise ShapeError(f"{start} rows of targets for {smoother.shape[1]} columns; expected one for each.")
    return predicted


def from_weights(weights: Array, x_test: Array, target_means: Array) -> Array:
    """Return predictions x_test W + means, for fewer voxels than test rows.

    Parameters
    ----------
    weights : (p, t) float32 or float64
        ``primal_left``'s matrix, its columns merged or not, times targets as they are: its rows sum to zero,
        so means make no weight. Its dtype is that of the computation.
    x_test : (m, p)
        Test rows less the training mean.
    target_means : (t,)
        Of the training rows.

    Returns
    -------
    (m, t) dtype of the weights
    """
    xp = namespace_of(weights)
    return xp.astype(x_test, weights.dtype, copy=False) @ weights + xp.astype(target_means, weights.dtype)


def predict_left(left: Array, x_test: Array, targets: Array, target_means: Array) -> Array:
    """Return predictions x_test (left (Y - means)) + means for a block of targets.

    Parameters
    ----------
    left : (p, column) float32 or float64
        Of ``primal_left``, its columns merged or not; its dtype is that of the computation.
    x_test : (m, p)
        Test rows less the training mean.
    targets : (column, t)
        As they are, not centred.
    target_means : (t,)
        Of the training rows: ``moments(targets, counts).mean``.

    Returns
    -------
    (m, t) dtype of ``left``
    """
    xp = namespace_of(left)
    means = xp.astype(target_means, left.dtype)
    return from_weights(left @ (xp.astype(targets, left.dtype, copy=False) - means), x_test, target_means)
