"""Bars in the report: which pictures stand beside which, and whether they beat them.

A decoder that does not beat the mean picture, the nearest training picture and the linear picture is not
worth its electricity; the page says so in a sentence.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from ..metrics import interval
from .contenders import Contender, label_of, rises
from .numbers import decimal

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from ..recipe.images import Images
    from .results import Results


@dataclass(frozen=True)
class Verdict:
    """Whether pictures beat a bar by one metric: picture by picture, so that hard ones weigh on both."""

    label: str
    bar: str
    metric: str
    ahead: str
    """Mean difference; positive where these pictures are the better ones."""
    low: str
    high: str
    beats: bool
    """The interval lies above 0."""
    loses: bool
    """The interval lies below 0."""

    @property
    def said(self) -> str:
        """The verdict in words."""
        how = "beats" if self.beats else "falls short of" if self.loses else "can not be told from"
        by = f"{self.ahead}, 95 % interval {self.low} to {self.high}"
        return f"{self.label} {how} {self.bar} by {self.metric} ({by})"


def compared(results: Results, subject: str, name: str) -> list[Contender]:
    """Return an images name of a recipe and, after it, the bars it is to be compared with."""
    asked = results.recipe.images
    others = [other for other in asked if other != name and _measures(asked[other], asked[name])]
    return [Contender(results, subject, one, one, number) for number, one in enumerate([name, *others])]


def heads(results: Results) -> list[str]:
    """Return the images names that have a section of their own: the bars stand beside them."""
    names = list(results.names("images"))
    return [name for name in names if not results.recipe.images[name].bar] or names


def _measures(bar: Images, table: Images) -> bool:
    if table.bar or bar.learned:
        return not table.bar and bar.truth and bar.generator == table.generator
    return bar.generator == table.generator if bar.truth else bar.bar or (bar.linear and table.learned)


def verdicts(contenders: Sequence[Contender]) -> Iterator[Verdict]:
    """Yield how the first of some contenders does against each bar, by each metric both have."""
    first, *others = contenders
    for other in others:
        if other.results.recipe.images[other.name].truth:
            continue  # a ceiling is not there to be beaten
        for metric in first.summary:
            if metric in other.summary:
                yield _verdict(first, other, metric)


def _verdict(one: Contender, other: Contender, metric: str) -> Verdict:
    mine, theirs = one.by_row(metric), other.by_row(metric)
    shared = [key for key in mine if key in theirs]
    ahead = np.array([mine[key] - theirs[key] for key in shared]) * (1 if rises(metric) else -1)
    low, high = interval(ahead, seed=one.results.recipe.seed)
    mean = float(ahead.mean()) if shared else float("nan")
    return Verdict(
        label=one.label,
        bar=other.label,
        metric=label_of(metric),
        ahead=decimal(mean),
        low=decimal(low),
        high=decimal(high),
        beats=low > 0,
        loses=high < 0,
    )


def unbeaten(found: Sequence[Verdict]) -> tuple[str, ...]:
    """Return the bars that are not beaten by every metric."""
    return tuple(dict.fromkeys(one.bar for one in found if not one.beats))
