"""Where marks stand in the page's small plots, in percent of their width."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from .numbers import decimal

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from numpy.typing import NDArray

#: Bins of a histogram from -1 to 1.
BINS = 40
#: Where an axis begins whose scores are hardly below zero, as chance often is.
LITTLE = -0.25


@dataclass(frozen=True)
class Axis:
    """A linear axis."""

    low: float
    high: float

    def at(self, value: float) -> float:
        """Return where a value stands, in percent of the axis; values beyond it stand at its ends."""
        share = (value - self.low) / (self.high - self.low)
        return round(100 * min(1.0, max(0.0, share)), 2)

    @property
    def ticks(self) -> list[tuple[float, str]]:
        """Place and label of its ends and what lies evenly between."""
        parts = {0.0: 4, LITTLE: 5}.get(self.low, 2)
        values = np.linspace(self.low, self.high, parts + 1).tolist()
        return [(self.at(value), tick_label(value)) for value in values]


#: Of correlations.
CORRELATION = Axis(-1.0, 1.0)


def tick_label(value: float) -> str:
    """Return a tick's label, as short as it can be.

    >>> tick_label(0.25), tick_label(1.0), tick_label(0.0), tick_label(-1.0), tick_label(150.0)
    ('.25', '1', '0', '−1', '150')
    """
    short = f"{abs(value):.3g}"
    sign = "−" if value < 0 else ""
    return sign + (short[1:] if short.startswith("0.") else short)


def axis_of(values: Iterable[float]) -> Axis:
    """Return the axis that holds some scores: 0 to 1 where it can, -1 to 1 where it must, else a round one.

    >>> axis_of([0.2, 0.9]), axis_of([-0.1, 0.5]), axis_of([-0.3, 0.5])
    (Axis(low=0.0, high=1.0), Axis(low=-0.25, high=1.0), Axis(low=-1.0, high=1.0))
    >>> axis_of([12.0, 130.0])
    Axis(low=0.0, high=200.0)
    """
    known = [value for value in values if math.isfinite(value)] or [0.0]
    low, high = min(known), max(known)
    if low >= -1 and high <= 1:
        return Axis(next(end for end in (0.0, LITTLE, -1.0) if low >= end), 1.0)
    reach = _round_up(max(abs(low), abs(high)))
    return Axis(-reach if low < 0 else 0.0, reach)


def _round_up(value: float) -> float:
    """Return the next of 1, 2, 5, 10, 20 ..."""
    power = 10.0 ** math.floor(math.log10(value))
    return next(power * step for step in (1, 2, 5, 10) if power * step >= value)


@dataclass(frozen=True)
class Histogram:
    """How a space's correlations are spread."""

    bars: tuple[tuple[float, float, float, bool], ...]
    """Left end and width in percent, height as a share of the highest, whether it lies above zero."""
    median: float
    """Where the median stands, in percent."""
    told: str
    """What it shows, for those who cannot see it."""


def histogram(values: NDArray[np.floating]) -> Histogram | None:
    """Return the histogram of correlations from -1 to 1; None of nothing.

    Parameters
    ----------
    values : (feature,) float
        Finite correlations.
    """
    if not len(values):
        return None
    heights, edges = np.histogram(values, BINS, (CORRELATION.low, CORRELATION.high))
    width = 100 / BINS
    bars = [
        (CORRELATION.at(float(edge)), width, float(height / heights.max()), bool(edge > -1e-9))
        for height, edge in zip(heights, edges[:-1], strict=True)
        if height
    ]
    middle = float(np.median(values))
    ends = f"from {decimal(float(values.min()), 2)} to {decimal(float(values.max()), 2)}"
    told = f"Histogram of {len(values)} correlations {ends}, median {decimal(middle, 2)}"
    return Histogram(tuple(bars), CORRELATION.at(middle), told)


def shared_axis(groups: Sequence[Sequence[float]]) -> list[Axis]:
    """Return an axis for each group of values; all that fit into -1 to 1 have the same."""
    axes = [axis_of(group) for group in groups]
    common = axis_of(
        [value for group, axis in zip(groups, axes, strict=True) if axis.high == 1 for value in group]
    )
    return [common if axis.high == 1 else axis for axis in axes]
