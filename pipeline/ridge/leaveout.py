"""What the ridge would have predicted for a training row, had it not seen that row's picture.

Leaving out the rows g of one picture refits nothing: with the hat matrix H (intercept folded in), predictions
for g without g are (I - H_gg)^-1 H_g Y, taken over the columns outside g. With single rows this is the
well-known (H_i - h_ii e_i) / (1 - h_ii).
"""

from __future__ import annotations

import numpy as np

from pipeline.errors import PipelineError, ShapeError

from .namespace import Array, Rows, namespace_of, on_device, row_major


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
    rows, picture = np.asarray(rows), np.asarray(picture_of_row)
    # Grouped once: asking every row for its group would take n^2 comparisons.
    order = np.argsort(picture, kind="stable")
    edges = np.searchsorted(picture[order], picture[np.asarray(sample)], side="left")
    ends = np.searchsorted(picture[order], picture[np.asarray(sample)], side="right")
    left = [
        _without(hat, rows, order[start:stop], int(row))
        for row, start, stop in zip(sample, edges, ends, strict=True)
    ]
    return row_major(xp.stack(left))


def _without(hat: Array, rows: Rows, group: Rows, row: int) -> Array:
    """Return one row of L: e_row^T (I - H_gg)^-1 H_g, zero on the group."""
    xp = namespace_of(hat)
    h_g = xp.take(hat, on_device(np.searchsorted(rows, group), hat), axis=0)
    h_gg = xp.astype(xp.take(h_g, on_device(group, hat), axis=1), xp.float64)
    residual = xp.eye(group.size, dtype=xp.float64, device=hat.device) - h_gg
    _check_left(residual, hat, row)
    chosen = on_device((group == row).astype(np.float64)[:, None], hat)
    weights = xp.astype(xp.linalg.solve(residual.T, chosen), hat.dtype)
    outside = np.ones(hat.shape[1])
    outside[group] = 0.0
    return (weights.T @ h_g)[0, :] * xp.astype(on_device(outside, hat), hat.dtype)


def _check_left(residual: Array, hat: Array, row: int) -> None:
    xp = namespace_of(hat)
    if residual.shape[0] == hat.shape[1]:
        raise ShapeError(
            "All training rows saw the same picture, so none is left without it; "
            'use correction = "none" or more pictures.'
        )
    smallest = float(xp.min(xp.linalg.diagonal(residual)))
    if not smallest > 8 * xp.finfo(hat.dtype).eps:
        raise PipelineError(
            f"Training row {row} is fitted exactly (1 - leverage = {smallest:.1e}), so leaving it out "
            'says nothing; raise alpha, or use correction = "none".'
        )
