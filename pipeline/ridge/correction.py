"""Corrections that give predictions the mean and spread of their targets.

Ridge predictions are shrunk. Brain-Diffuser (Ozcelik and VanRullen 2023, its regression scripts) undoes it
per target: (predicted - mean) / std, by the predictions of the whole test set, then times the training
targets' std, plus their mean, all with ddof 0. The ``stored`` correction takes the first pair from
leave-one-out predictions of training rows, so that a single picture can be decoded.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from pipeline.errors import ShapeError

from .namespace import Array, Rows, namespace_of, on_device

if TYPE_CHECKING:
    from collections.abc import Callable

TILE = 512
"""Targets widened to float64 at a time; per-target numbers do not depend on it."""


@dataclass(frozen=True)
class Moments:
    """Mean and standard deviation (ddof 0) of every target."""

    mean: Array
    """(t,) float64"""
    std: Array
    """(t,) float64"""


def moments(values: Array, counts: Rows | None = None) -> Moments:
    """Return mean and standard deviation (ddof 0) of every target.

    Parameters
    ----------
    values : (row, t)
        Targets, an entry a picture; or predictions.
    counts : (row,) int, optional
        How many training rows saw each picture, on the host: the moments are then those of the rows.

    Returns
    -------
    Moments

    Raises
    ------
    ShapeError
        If there are no rows, or counts of another number of rows or summing to nothing.
    """
    weights = _weights(values, counts)
    pairs = by_tile(lambda tile: _moments(tile, weights), values)
    return Moments(*pairs)


def _weights(values: Array, counts: Rows | None) -> Array:
    given = np.ones(values.shape[0]) if counts is None else np.asarray(counts, dtype=np.float64)
    if given.shape != (values.shape[0],) or not given.sum() > 0:
        raise ShapeError(
            f"{given.size} counts summing to {given.sum():g} for {values.shape[0]} rows of targets; "
            "expected one a row, above 0 in all."
        )
    return on_device((given / given.sum())[None, :], values)


def _moments(tile: Array, weights: Array) -> tuple[Array, Array]:
    xp = namespace_of(tile)
    mean = (weights @ tile)[0, :]
    deviation = tile - mean
    return mean, xp.sqrt((weights @ (deviation * deviation))[0, :])


def by_tile(function: Callable[..., tuple[Array, Array]], *values: Array) -> tuple[Array, Array]:
    """Return a function's two answers, targets last, computed in float64 a tile of targets at a time."""
    xp = namespace_of(values[0])
    targets = values[0].shape[1]
    tiles = [slice(start, min(start + TILE, targets)) for start in range(0, targets, TILE)]
    parts = [function(*(xp.astype(value[:, tile], xp.float64) for value in values)) for tile in tiles]
    first, second = zip(*parts, strict=True)
    return xp.concat(first, axis=-1), xp.concat(second, axis=-1)


def batch_moments(predicted: Array) -> Moments:
    """Return the moments of a whole test set's predictions, for the ``test-batch`` correction.

    Parameters
    ----------
    predicted : (m, t)
        Predictions of all test rows.

    Returns
    -------
    Moments

    Raises
    ------
    ShapeError
        If there is but one row: it has no spread.
    """
    if predicted.shape[0] < 2:
        raise ShapeError(
            f'{predicted.shape[0]} test row(s) found; correction = "test-batch" needs at least 2: '
            'use correction = "stored" to decode one.'
        )
    return moments(predicted)


def is_constant(spread: Moments, dtype: Array) -> Array:
    """Return (t,) bool: targets whose spread is no more than rounding, in the dtype they were computed in."""
    xp = namespace_of(spread.std)
    return spread.std <= 8 * xp.finfo(dtype).eps * xp.abs(spread.mean)


def restandardize(predicted: Array, source: Moments, target: Moments) -> Array:
    """Return (predicted - source.mean) / source.std * target.std + target.mean.

    Parameters
    ----------
    predicted : (m, t) float32 or float64
        Predictions.
    source : Moments
        Of predictions: ``batch_moments(predicted)`` for "test-batch", ``moments(L @ targets)`` for "stored".
    target : Moments
        Of the training rows' targets.

    Returns
    -------
    (m, t) same dtype
        A target whose predictions, or whose training values, do not vary gets the training mean.
    """
    xp = namespace_of(predicted)
    flat = is_constant(source, predicted.dtype)
    one = xp.ones_like(source.std)
    scale = xp.where(flat, 0.0 * one, target.std) / xp.where(flat, one, source.std)
    mean, scale, new_mean = (xp.astype(part, predicted.dtype) for part in (source.mean, scale, target.mean))
    return (predicted - mean) * scale + new_mean
