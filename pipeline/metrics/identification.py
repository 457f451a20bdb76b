"""Two-way identification: how often a made picture is more like its own seen picture than like another."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from pipeline.errors import ShapeError

from .correlation import pixel_correlations
from .pictures import check_pairs

if TYPE_CHECKING:
    from .pictures import Pictures, Scores

WIDTH = 8192
"""Features correlated at a time."""

TIE = 1e-12
"""Correlations closer than this are equal but for rounding."""


def two_way_pixels(seen: Pictures, made: Pictures) -> Scores:
    """Return the share of other seen pictures that are less like a made one than its own, for every row.

    Parameters
    ----------
    seen, made : (row, y, x, channel) uint8
        At least two rows, compared by correlation of pixels. Made pictures are resized to the seen size.

    Returns
    -------
    (row,) float64
        In [0, 1]; chance is 0.5; a tie is a failure.

    Raises
    ------
    ShapeError
        If there are fewer than two rows.
    """
    check_pairs(seen, made)
    _check_rows(len(seen))
    return shares(pixel_correlations(seen, made))


def two_way(seen: np.ndarray[Any, np.dtype[Any]], made: np.ndarray[Any, np.dtype[Any]]) -> Scores:
    """Return the share of other seen rows that are less like a made row than its own, for every row.

    For made row j: the share of i != j with corr(seen_i, made_j) < corr(seen_j, made_j), the orientation of
    Brain-Diffuser's evaluation.

    Parameters
    ----------
    seen, made : (row, feature) float
        Features of pictures; at least two rows.

    Returns
    -------
    (row,) float64
        In [0, 1]; chance is 0.5; a tie is a failure, and so is a row without variance.

    Raises
    ------
    ShapeError
        If shapes differ or there are fewer than two rows.
    """
    if seen.ndim != 2 or seen.shape != made.shape:
        raise ShapeError(f"Features of shape {seen.shape} and {made.shape}; expected equal (row, feature).")
    _check_rows(len(seen))
    return shares(_correlations(seen, made))


def _check_rows(rows: int) -> None:
    if rows < 2:
        raise ShapeError(f"{rows} picture found; two-way identification needs at least two pictures.")


def _correlations(seen: np.ndarray[Any, np.dtype[Any]], made: np.ndarray[Any, np.dtype[Any]]) -> Scores:
    means = [features.mean(axis=1, dtype=np.float64)[:, None] for features in (seen, made)]
    products = np.zeros((len(seen), len(made)))
    squares = [np.zeros(len(seen)), np.zeros(len(made))]
    for start in range(0, seen.shape[1], WIDTH):
        part = slice(start, start + WIDTH)
        a, b = (features[:, part] - mean for features, mean in zip((seen, made), means, strict=True))
        products += a @ b.T
        squares[0] += np.einsum("ij,ij->i", a, a)
        squares[1] += np.einsum("ij,ij->i", b, b)
    scale: Scores = np.sqrt(squares[0])[:, None] * np.sqrt(squares[1])[None, :]
    return np.asarray(np.divide(products, scale, out=np.zeros(scale.shape), where=scale > 0))


def shares(correlations: Scores) -> Scores:
    """Return the share of other seen rows less like a made row than its own, for every row.

    Parameters
    ----------
    correlations : (row of seen, row of made) float
        How alike they are.

    Returns
    -------
    (row,) float64
        A tie is a failure.
    """
    own = np.diagonal(correlations)
    return np.asarray((correlations < own[None, :] - TIE).sum(axis=0) / (len(own) - 1))
