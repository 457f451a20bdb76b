"""The scores of some pictures: a table and a dot-and-whisker plot of the same numbers."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from ..metrics import METRICS
from .contenders import label_of, rises
from .numbers import count, decimal
from .plots import Axis, shared_axis

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from ..metrics import Metric
    from .contenders import Contender

_MARKS = ("mean", "low", "high", "chance")


@dataclass(frozen=True)
class Cell:
    """One mean with its interval and chance level: for reading, and as places in the plot."""

    number: int
    """The contender's number."""
    mean: str
    low: str
    high: str
    chance: str
    n: str
    at: Mapping[str, float]
    """Where mean, low, high and chance stand, in percent of the axis."""
    told: str
    """The row in words."""


@dataclass(frozen=True)
class ScoreRow:
    """One metric."""

    label: str
    rises: bool
    """Whether more is better."""
    axis: Axis
    cells: tuple[Cell | None, ...]
    """One a contender; None where it has no such score."""


@dataclass(frozen=True)
class ScoreTable:
    """All metrics of some contenders."""

    contenders: tuple[Contender, ...]
    rows: tuple[ScoreRow, ...]


def score_table(contenders: Sequence[Contender]) -> ScoreTable | None:
    """Return the table of all complete scores; None where there are none."""
    metrics = list(dict.fromkeys(name for contender in contenders for name in contender.summary))
    if not metrics:
        return None
    values = [
        [_value(contender, name, mark) for contender in contenders for mark in _MARKS] for name in metrics
    ]
    rows = (_row(name, axis, contenders) for name, axis in zip(metrics, shared_axis(values), strict=True))
    return ScoreTable(tuple(contenders), tuple(rows))


def _value(contender: Contender, metric: str, mark: str) -> float:
    return contender.summary.get(metric, {}).get(mark, float("nan"))


def _row(metric: str, axis: Axis, contenders: Sequence[Contender]) -> ScoreRow:
    cells = tuple(_cell(metric, axis, contender) for contender in contenders)
    return ScoreRow(label_of(metric), rises(metric), axis, cells)


def _cell(metric: str, axis: Axis, contender: Contender) -> Cell | None:
    found = contender.summary.get(metric)
    if found is None:
        return None
    text = {mark: decimal(found[mark]) for mark in _MARKS}
    told = (
        f"{contender.label}, {label_of(metric)}: {text['mean']}, "
        f"95 % interval {text['low']} to {text['high']}, chance {text['chance']}"
    )
    at = {mark: axis.at(found[mark]) for mark in _MARKS if found[mark] == found[mark]}
    return Cell(contender.number, **text, n=count(int(found["n"])), at=at, told=told)


def glossary(tables: Sequence[ScoreTable | None], contenders: Sequence[Contender]) -> list[Metric]:
    """Return the metrics that stand in any of the tables, to be explained once."""
    names = {name for contender in contenders for name in contender.summary}
    return [metric for name, metric in METRICS.items() if name in names] if any(tables) else []
