"""How well predictions agree with targets, one number a target."""

from __future__ import annotations

from dataclasses import dataclass

from pipeline.errors import ShapeError

from .correction import Moments, by_tile, is_constant
from .namespace import Array, namespace_of


@dataclass(frozen=True)
class Agreement:
    """Two scores of every target."""

    r: Array
    """(t,) float64: Pearson correlation between predictions and targets over the test rows."""
    r2: Array
    """(t,) float64: 1 - squared error / squared deviation from the test rows' own mean; at most 1."""


def scores(predicted: Array, targets: Array) -> Agreement:
    """Return correlation and R2 of every target over the test rows.

    A target that does not vary over the test rows scores 0 in both, and predictions that do not vary
    correlate 0: there is never a NaN. With one test row all scores are 0.

    Parameters
    ----------
    predicted : (m, t) float32 or float64
    targets : (m, t) float32 or float64

    Returns
    -------
    Agreement

    Raises
    ------
    ShapeError
        If the shapes differ.
    """
    if tuple(predicted.shape) != tuple(targets.shape):
        raise ShapeError(
            f"Predictions of shape {tuple(predicted.shape)} against targets of shape {tuple(targets.shape)}; "
            "expected equal shapes."
        )

    def score(p: Array, t: Array) -> tuple[Array, Array]:
        return _scores(p, t, predicted.dtype, targets.dtype)

    return Agreement(*by_tile(score, predicted, targets))


def _scores(
    predicted: Array, targets: Array, predicted_dtype: Array, target_dtype: Array
) -> tuple[Array, Array]:
    xp = namespace_of(predicted)
    p, p_spread = _deviations(predicted)
    t, t_spread = _deviations(targets)
    zero = xp.zeros_like(t_spread.std)
    no_target = is_constant(t_spread, target_dtype)
    no_r = no_target | is_constant(p_spread, predicted_dtype)
    product = xp.where(no_r, zero + 1.0, p_spread.std * t_spread.std)
    r = xp.where(no_r, zero, xp.mean(p * t, axis=0) / product)
    variance = xp.where(no_target, zero + 1.0, t_spread.std**2)
    r2 = xp.where(no_target, zero, 1.0 - xp.mean((predicted - targets) ** 2, axis=0) / variance)
    return r, r2


def _deviations(values: Array) -> tuple[Array, Moments]:
    xp = namespace_of(values)
    mean = xp.mean(values, axis=0)
    centred = values - mean
    return centred, Moments(mean, xp.sqrt(xp.mean(centred**2, axis=0)))
