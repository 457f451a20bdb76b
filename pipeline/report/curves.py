"""Learning curves as they stand in the page: losses over steps, on a logarithmic scale."""

from __future__ import annotations

import math
from dataclasses import dataclass
from itertools import pairwise
from typing import TYPE_CHECKING

import numpy as np

from .numbers import count

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

#: Points of a line, at most: each the mean loss of so many steps.
POINTS = 120

Line = tuple[tuple[float, float], ...]


@dataclass(frozen=True)
class Curves:
    """Losses of a training, in percent of the plot's width and height, from its upper left corner."""

    loss: Line
    val_loss: Line
    """Empty where there was no validation."""
    ticks: tuple[tuple[float, str], ...]
    """Height and label of powers of ten, or of the ends where there are none between."""
    steps: str
    told: str
    """What it shows, for those who cannot see it."""


def curves(loss: NDArray[np.floating], val_loss: NDArray[np.floating]) -> Curves | None:
    """Return the curves of a training; None where it has no positive loss.

    Parameters
    ----------
    loss, val_loss : (step,) float
        NaN where there is none.
    """
    steps = len(loss)
    lines = [_means(loss), _known(val_loss)]
    values = [value for line in lines for _, value in line]
    if not lines[0] or not values:
        return None
    low, high = math.log10(min(values)), math.log10(max(values))
    span = (low, high) if high - low > 1e-6 else (low - 0.5, high + 0.5)
    placed = [_placed(line, steps, span) for line in lines]
    ends = [
        f"{name} from {line[0][1]:.3g} to {line[-1][1]:.3g}"
        for name, line in zip(("loss", "validation loss"), lines, strict=True)
        if line
    ]
    told = f"Learning curve over {count(steps)} steps: {'; '.join(ends)}"
    return Curves(placed[0], placed[1], _ticks(span), count(steps), told)


def _means(values: NDArray[np.floating]) -> list[tuple[float, float]]:
    """Return (step, mean) of runs of steps, as many as `POINTS`."""
    found = []
    edges = np.linspace(0, len(values), min(POINTS, len(values)) + 1).astype(int)
    for start, stop in pairwise(edges):
        known = values[start:stop][np.isfinite(values[start:stop])]
        if len(known) and known.mean() > 0:
            found.append(((start + 1 + stop) / 2, float(known.mean())))
    return found


def _known(values: NDArray[np.floating]) -> list[tuple[float, float]]:
    return [(float(at + 1), float(values[at])) for at in np.flatnonzero(values > 0)]


def _placed(line: Sequence[tuple[float, float]], steps: int, span: tuple[float, float]) -> Line:
    low, high = span
    return tuple(
        (round(100 * step / steps, 2), round(100 * (high - math.log10(value)) / (high - low), 2))
        for step, value in line
    )


def _ticks(span: tuple[float, float]) -> tuple[tuple[float, str], ...]:
    low, high = span
    tens = [10.0**power for power in range(math.ceil(low), math.floor(high) + 1)]
    labelled = tens if len(tens) > 1 else [10**low, 10**high]
    return tuple(
        (round(100 * (high - math.log10(value)) / (high - low), 2), f"{value:.2g}") for value in labelled
    )
