"""How well noise in the responses lets predictions agree with anything."""

from __future__ import annotations

import numpy as np

from .namespace import Array, Rows, namespace_of, on_device


def ceiling(predicted: Array, picture_of_row: Rows) -> Array:
    """Return the correlation that predictions could reach were it not for the noise of single responses.

    Targets are free of noise, responses are not: a prediction is a part that depends on the picture plus
    noise that differs between its showings. The correlation with any target is that of the first part times
    sqrt(var(part) / var(prediction)) (Spearman 1904), which is the ceiling; r / ceiling is the correlation
    with the noise taken out. Both variances come from predictions of the same picture's rows, by a one-way
    analysis of variance (the intraclass correlation of single rows, Shrout and Fleiss 1979).

    Parameters
    ----------
    predicted : (m, t) float32 or float64
        Predictions, corrected or not.
    picture_of_row : (m,) int
        The picture each row saw, on the host.

    Returns
    -------
    (t,) float64
        From 0 to 1; NaN where no picture has two rows or all have the same one: then nothing tells the noise.
    """
    xp = namespace_of(predicted)
    distinct, of_row, counts = np.unique(picture_of_row, return_inverse=True, return_counts=True)
    rows, groups = of_row.size, distinct.size
    values = xp.astype(predicted, xp.float64)
    if not 1 < groups < rows:
        return xp.sum(values, axis=0) * float("nan")
    member = on_device((of_row[None, :] == np.arange(groups)[:, None]) / counts[:, None], predicted)
    means = member @ values
    within = xp.sum((values - xp.take(means, on_device(of_row, predicted), axis=0)) ** 2, axis=0)
    spread = (means - xp.mean(values, axis=0)) ** 2
    between = xp.sum(on_device(counts[:, None].astype(np.float64), predicted) * spread, axis=0)
    noise = within / (rows - groups)
    typical = (rows - float((counts**2).sum()) / rows) / (groups - 1)
    signal = xp.clip((between / (groups - 1) - noise) / typical, min=0.0)
    total = signal + noise
    return xp.sqrt(signal / xp.where(total > 0, total, xp.ones_like(total)))
