"""Whether predictions tell their own picture from other people's.

Ridge predictions shrink towards the mean, so all of them lie near one point, and the pictures near it, the
hubs, look like the best match to everything (Shigeto et al. 2015, "Ridge Regression, Hubness, and
Zero-Shot Learning", ECML PKDD). Taking each side's own mean off before they are compared undoes it (Suzuki
et al. 2013, "Centering Similarity Measures to Reduce Hubs", EMNLP).
"""

from __future__ import annotations

import numpy as np

from pipeline.errors import ShapeError

from .namespace import Array, Rows, namespace_of, on_device


def identification(predicted: Array, targets: Array, fold: Rows, picture_of_row: Rows) -> float:
    """Return the share of other pictures that are less like a held-out prediction than its own.

    A row's prediction is compared with the pictures of its own fold, by correlation over targets, predictions
    less the mean of all held-out predictions and pictures less their own mean. Chance is 0.5; ties fail.

    Parameters
    ----------
    predicted : (n, t)
        Held-out predictions of all training rows.
    targets : (n, t)
        What they should have been, centred.
    fold : (n,) int
        The fold each row was left out with.
    picture_of_row : (n,) int
        The picture each row saw.

    Returns
    -------
    float
        The mean over rows.

    Raises
    ------
    ShapeError
        If a fold holds but one picture.
    """
    xp = namespace_of(predicted)
    mean = xp.sum(predicted, axis=0, dtype=xp.float64) / predicted.shape[0]
    mean, shares = xp.astype(mean, predicted.dtype), 0.0
    for one in np.unique(fold):
        rows = np.flatnonzero(fold == one)
        said, seen = (xp.take(part, on_device(rows, part), axis=0) for part in (predicted, targets))
        shares += _shares(_unit_rows(said - mean), _unit_rows(seen), picture_of_row[rows])
    return shares / int(predicted.shape[0])


def _unit_rows(values: Array) -> Array:
    """Return rows less their mean, of length 1; constant rows become 0."""
    xp = namespace_of(values)
    values = values - xp.mean(values, axis=1, keepdims=True)
    length = xp.sqrt(xp.sum(values * values, axis=1, keepdims=True))
    return values / xp.where(length > 0, length, xp.ones_like(length))


def _shares(predicted: Array, targets: Array, picture_of_row: Rows) -> float:
    """Return the sum over a fold's rows of the share of other pictures that are less alike."""
    xp = namespace_of(predicted)
    _, first, own = np.unique(picture_of_row, return_index=True, return_inverse=True)
    if first.size < 2:
        raise ShapeError("A fold holds one picture only, which tells nothing of identification; lower folds.")
    alike = predicted @ xp.take(targets, on_device(first, targets), axis=0).T
    is_own = on_device(own[:, None] == np.arange(first.size)[None, :], predicted)
    with_own = xp.sum(xp.where(is_own, alike, xp.zeros_like(alike)), axis=1, keepdims=True)
    worse = xp.astype(alike < with_own, xp.float64)
    return float(xp.sum(worse)) / (first.size - 1)
