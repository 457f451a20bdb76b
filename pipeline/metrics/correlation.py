"""Pearson correlation of pixels, exact: sums of integers, rounded once at the end.

So the numbers do not depend on the order of summation, the BLAS or the machine, and two equal pictures tie.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from .pictures import Pictures, Scores, matched, pairs

MIDDLE = 128
"""Taken off every pixel: products are then at most 2^14."""

WIDTH = 1024
"""Pixels whose products are summed in float32 at a time: 2^10 of at most 2^14 make 2^24, still exact."""

Integers = np.ndarray[Any, np.dtype[np.int64]]


def pixcorr(seen: Pictures, made: Pictures) -> Scores:
    """Return the correlation of all pixel values (PixCorr), for every row.

    Parameters
    ----------
    seen, made : (row, y, x, channel) uint8
        Made pictures are resized to the seen ones' size.

    Returns
    -------
    (row,) float64
        In [-1, 1]; 0 where either picture is of one value only.
    """
    return np.array([_pair(a.ravel(), b.ravel()) for a, b in pairs(seen, made)])


def _pair(a: Pictures, b: Pictures) -> float:
    seen, made = _pixels(a[None, :], np.float64), _pixels(b[None, :], np.float64)
    return float(_pearson(seen @ made.T, seen, made)[0, 0])


def pixel_correlations(seen: Pictures, made: Pictures) -> Scores:
    """Return the correlation of every seen picture with every made one.

    Parameters
    ----------
    seen, made : (row, y, x, channel) uint8
        They may differ in rows. Made pictures are resized to the seen ones' size.

    Returns
    -------
    (row of seen, row of made) float64
        0 where either picture is of one value only. Beside the result, memory for 1024 pixels of every
        picture, and for the made pictures where they had to be resized.
    """
    seen, made = matched(seen, made)
    flat_seen, flat_made = seen.reshape(len(seen), -1), made.reshape(len(made), -1)
    products = np.zeros((len(seen), len(made)))
    sums_seen, sums_made = np.zeros((2, len(seen)), np.int64), np.zeros((2, len(made)), np.int64)
    for start in range(0, flat_seen.shape[1], WIDTH):
        a, b = (_pixels(flat[:, start : start + WIDTH], np.float32) for flat in (flat_seen, flat_made))
        products += a @ b.T
        sums_seen += _sums(a)
        sums_made += _sums(b)
    return _correlation(products.astype(np.int64), sums_seen, sums_made, flat_seen.shape[1])


def _pixels(flat: Pictures, dtype: type[np.floating[Any]]) -> np.ndarray[Any, np.dtype[Any]]:
    return np.asarray(flat.astype(dtype) - dtype(MIDDLE))


def _sums(pixels: np.ndarray[Any, np.dtype[Any]]) -> Integers:
    """Return (2, row): sums and sums of squares."""
    return np.stack([pixels.sum(axis=1), np.einsum("ij,ij->i", pixels, pixels)]).astype(np.int64)


def _pearson(products: Scores, seen: Scores, made: Scores) -> Scores:
    return _correlation(products.astype(np.int64), _sums(seen), _sums(made), seen.shape[1])


def _correlation(products: Integers, seen: Integers, made: Integers, pixels: int) -> Scores:
    """Return correlations from sums; integers stay exact up to 20 million pixels a picture."""
    covariance = pixels * products - seen[0][:, None] * made[0][None, :]
    deviation_seen, deviation_made = (np.sqrt(pixels * sums[1] - sums[0] ** 2) for sums in (seen, made))
    scale = deviation_seen[:, None] * deviation_made[None, :]
    return np.asarray(np.divide(covariance, scale, out=np.zeros(scale.shape), where=scale > 0))
