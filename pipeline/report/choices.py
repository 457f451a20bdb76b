"""How penalties were chosen: the candidates' scores of a space, or how many features chose each."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from ..recipe.alphas import Alphas
from ..ridge import grid
from .numbers import count, decimal, penalty
from .results import reading

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from .results import Results

BY = {
    "gcv": "generalised cross-validation",
    "loo": "leave-one-out",
    "kfold": "k-fold",
    "retrieval": "retrieval",
}


@dataclass(frozen=True)
class Choice:
    """The candidates of one ridge, side by side on a logarithmic axis."""

    per: str
    """ "space": marks are scores; "feature": bars are numbers of features."""
    marks: tuple[tuple[float, float, bool], ...]
    """Place in percent, height from 0 to 1, whether it was chosen (the one, or the most often)."""
    ends: tuple[str, str]
    """Smallest and largest candidate."""
    by: str
    told: str
    """What it shows, for those who cannot see it."""


def choice(results: Results, subject: str, space: str, alpha: NDArray[np.floating]) -> Choice | None:
    """Return how a space's alphas were chosen; None where the recipe gives the number.

    Parameters
    ----------
    alpha : (feature,) float
        Of the features that vary.
    """
    asked = getattr(results.recipe.ridge.spaces[space], "alpha", None)
    if not isinstance(asked, Alphas):
        return None
    tried = np.array(grid(asked.from_, asked.to, asked.count))
    if asked.per == "space":
        found = results.find(f"alpha/{space}", subject)
        with reading(found.product):
            stored = results.open(f"alpha/{space}", subject)
            heights, at = stored.score.values, int(np.argmin(abs(stored.tried.values - float(stored.alpha))))
        told = f"{penalty(tried[at])}, scores from {decimal(heights.min())} to {decimal(heights.max())}"
        shown = (heights - heights.min()) / (float(np.ptp(heights)) or 1.0)
    else:
        heights = np.array([np.isclose(alpha, one, rtol=1e-9).sum() for one in tried])
        at = int(np.argmax(heights))
        told = f"{count(int(heights[at]))} of {count(len(alpha))} features chose {penalty(tried[at])}"
        shown = heights / max(1, heights.max())
    places = 4 + 92 * np.arange(len(tried)) / (len(tried) - 1)
    marks = [
        (round(float(place), 2), round(float(height), 4), index == at)
        for index, (place, height) in enumerate(zip(places, shown, strict=True))
    ]
    edge = {0: "; no smaller one was tried", len(tried) - 1: "; no larger one was tried"}.get(at, "")
    ends = (penalty(tried[0]), penalty(tried[-1]))
    return Choice(asked.per, tuple(marks), ends, BY[asked.by], told + edge)
