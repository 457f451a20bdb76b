"""How well each feature space could be told from responses."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from .choices import choice
from .numbers import NONE, count, decimal, penalty, percent
from .plots import histogram
from .results import reading
from .workarounds import workarounds

if TYPE_CHECKING:
    from collections.abc import Iterator

    from numpy.typing import NDArray

    from .choices import Choice
    from .plots import Histogram
    from .results import Results


@dataclass(frozen=True)
class RidgeCard:
    """What the page says of one ridge."""

    recipe: str
    number: int
    """The recipe's number among those of the page."""
    subject: str
    space: str
    facts: tuple[tuple[str, str], ...]
    """Name and value, in order; empty while the predictions are not complete."""
    histogram: Histogram | None
    choice: Choice | None = None
    """How its alphas were chosen."""


def ridge_cards(results: Results, recipe: str, number: int) -> Iterator[RidgeCard]:
    """Yield a card for each subject and feature space."""
    for subject in results.subjects:
        for space in results.names("predictions"):
            yield _card(results, subject, space, (recipe, number))


def _card(results: Results, subject: str, space: str, of: tuple[str, int]) -> RidgeCard:
    found = results.find(f"predictions/{space}", subject)
    if found.seal is None:
        return RidgeCard(*of, subject, space, (), None)
    with reading(found.product):
        stored = results.predictions(space, subject)
        r, r2, alpha, ceiling = (stored[name].values for name in ("r", "r2", "alpha", "ceiling"))
    varying = r != 0  # what is stored where seen or predicted values are constant over the test rows
    correction = results.recipe.ridge.spaces[space].correction
    facts = [
        *(("instead of a full ridge", text) for text in workarounds(results, subject, space)),
        ("alpha", NONE if np.isnan(alpha).all() else _span(alpha)),
        ("correction", correction),
        *_facts(r[varying], r2[varying], len(r)),
        *_without_noise(r[varying], ceiling[varying]),
    ]
    chosen = choice(results, subject, space, alpha[varying])
    return RidgeCard(*of, subject, space, tuple(facts), histogram(r[varying]), chosen)


def _facts(r: NDArray[np.floating], r2: NDArray[np.floating], features: int) -> list[tuple[str, str]]:
    known = bool(len(r))
    return [
        ("features", count(features)),
        ("constant", count(features - len(r))),
        ("median r", decimal(float(np.median(r)), 2) if known else decimal(np.nan)),
        ("r above 0", percent(float((r > 0).mean())) if known else percent(np.nan)),
        ("median R²", decimal(float(np.median(r2)), 2) if known else decimal(np.nan)),
    ]


def _without_noise(r: NDArray[np.floating], ceiling: NDArray[np.floating]) -> list[tuple[str, str]]:
    """Return the median of r / ceiling, where repeated test rows tell the ceiling."""
    known = ceiling > 0
    if not known.any():
        return []
    return [("median r / ceiling", decimal(float(np.median(r[known] / ceiling[known])), 2))]


def _span(alpha: NDArray[np.floating]) -> str:
    low, high = float(alpha.min()), float(alpha.max())
    return penalty(low) if low == high else f"{penalty(low)} to {penalty(high)}"
