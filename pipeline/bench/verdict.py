"""What a measurement says, from its JSON alone: medians, paired ratios, goals that are met or not."""

from __future__ import annotations

import math
import statistics
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping

    Case = Mapping[str, Any]


@dataclass(frozen=True)
class Verdict:
    """Whether a goal is met."""

    case: str
    says: str
    bound: str
    """What was to be reached, as in `<= 0.2`."""
    ratios: tuple[float, ...]
    """Of each repeat that has all it takes."""
    met: bool | None
    """None where nothing was measured."""

    @property
    def median(self) -> float:
        """The middle of the ratios; NaN where there are none."""
        return statistics.median(self.ratios) if self.ratios else math.nan


def figures(case: Case, contender: str, figure: str) -> dict[int, float]:
    """Return a figure of a contender by the number of the repeat; of those that failed there is none."""
    return {
        run["repeat"]: run[figure]
        for run in case["runs"]
        if run["contender"] == contender and figure in run and "wall" in run
    }


def median(case: Case, contender: str, figure: str) -> float:
    """Return the median of a figure over the repeats; NaN where there is none."""
    found = figures(case, contender, figure)
    return statistics.median(found.values()) if found else math.nan


def ratios(case: Case, goal: Mapping[str, Any]) -> tuple[float, ...]:
    """Return a goal's figure of each repeat, relative to the largest of those it is compared with."""
    values = figures(case, **goal["value"])
    others = [figures(case, **other) for other in goal["to"]]
    both = set(values).intersection(*others)
    return tuple(
        values[repeat] / max((other[repeat] for other in others), default=goal["unit"])
        for repeat in sorted(both)
    )


def judge(result: Mapping[str, Any]) -> list[Verdict]:
    """Return whether each goal of a measurement is met, by the median of its ratios."""
    return [_verdict(case, goal) for case in result["cases"] for goal in case["goals"]]


def _verdict(case: Case, goal: Mapping[str, Any]) -> Verdict:
    most, least, found = goal.get("most", math.inf), goal.get("least", -math.inf), ratios(case, goal)
    sign, edge = ("=" if most == least else "≤", most) if math.isfinite(most) else ("≥", least)
    bound = f"{sign} {edge:g}"
    met = least <= statistics.median(found) <= most if found else None
    return Verdict(case["name"], goal["says"], bound, found, met)


def disagreements(result: Mapping[str, Any]) -> list[str]:
    """Return the cases whose contenders did not come to the same values, each with who said what."""
    told = []
    for case in result["cases"]:
        checks = {run["contender"]: run["check"] for run in case["runs"] if "check" in run}
        if len(set(checks.values())) > 1:
            told.append(f"{case['name']}: " + ", ".join(f"{who} {said}" for who, said in checks.items()))
    return told
