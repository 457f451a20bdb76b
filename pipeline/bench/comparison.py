"""Two measurements of a scenario side by side, from their JSON alone: what differs, and what got worse."""

from __future__ import annotations

import math
import statistics
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

from ..errors import RecipeError
from .plot import BLUE, RED, Bar, Group, drawn, log_scale
from .sections import Section, as_markdown
from .stages import of_product, products
from .table import COLUMNS, Table, number
from .verdict import figures

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

LOUD = 1.1
"""A median that is so many times another is told, where no repeat of one reaches into those of the other."""
MORE_IS_BETTER = frozenset(
    {"rate", "pictures", "per_second", "steps", "throughput", "share", "identical", "refused"}
)
NEITHER = frozenset({"tasks", "busy", "harmed", "exit", "kept", "listening", "tried", "lost"})
"""Figures that say how work was done, not how well."""
_FIGURES = (("time (s)", "wall", 1.0), *COLUMNS)
_OF_PRODUCTS = (("time (s)", "wall", 1.0), ("largest worker (MB)", "largest", 1e6))


@dataclass(frozen=True)
class Change:
    """One figure in both measurements."""

    case: str
    what: str
    """Contender or product."""
    figure: str
    before: float
    after: float
    verdict: str
    """`better`, `worse`, or nothing where they can't be told apart."""

    @property
    def ratio(self) -> float:
        """The second relative to the first; NaN where that is 0."""
        return self.after / self.before if self.before else math.nan


@dataclass(frozen=True)
class Comparison:
    """Two measurements of one scenario."""

    scenario: str
    names: tuple[str, str]
    differences: tuple[tuple[str, str, str], ...]
    """What they were not made on alike: what it is, and what each has."""
    changes: tuple[Change, ...]
    comparable: bool
    """Whether they are of one size: what got worse is told only then."""

    @property
    def worse(self) -> list[Change]:
        """What got worse."""
        return [change for change in self.changes if change.verdict == "worse"]

    def as_json(self) -> dict[str, Any]:
        """Return it for JSON."""
        return {
            "scenario": self.scenario,
            "compared": list(self.names),
            "differences": [dict(zip(("what", *"ab"), each, strict=True)) for each in self.differences],
            "changes": [{**asdict(change), "ratio": change.ratio} for change in self.changes],
            "comparable": self.comparable,
        }

    @property
    def verdict(self) -> str:
        """What got worse, in words."""
        if not self.comparable:
            return "The sizes differ: ratios are told, and no verdict is."
        if not self.worse:
            return f"Nothing got worse by more than {LOUD - 1:.0%} and beyond its repeats."
        said = "; ".join(f"{_named(each)} {_grown(each)}" for each in self.worse)
        return f"Worse: {said}."

    def sections(self) -> Iterator[Section]:
        """Yield what is told of it below its verdict."""
        a, b = self.names
        if self.differences:
            yield Section(
                "What differs", table=Table(("", f"A: {a}", f"B: {b}"), self.differences), words=True
            )
        rows = [
            (
                each.case,
                each.what,
                each.figure,
                *map(number, (each.before, each.after, each.ratio)),
                each.verdict,
            )
            for each in self.changes
        ]
        if rows:
            yield Section("Medians", table=Table(("case", "what", "figure", "A", "B", "B / A", ""), rows))

    def markdown(self) -> str:
        """Return it as Markdown."""
        opening = f"## {self.scenario}: two measurements"
        return "\n\n".join([opening, self.verdict, *map(as_markdown, self.sections())]) + "\n"

    def svg(self) -> str:
        """Return the second's times and memory relative to the first's."""
        shown: dict[str, list[Bar]] = {}
        for each in self.changes:
            if each.figure in {"time (s)", "largest worker (MB)"} and each.ratio > 0:
                said = f"{number(each.ratio)} ({number(each.before)} to {number(each.after)})"
                shown.setdefault(f"{each.case}: {each.figure}", []).append(
                    Bar(each.what, [each.ratio], said, RED if each.verdict == "worse" else BLUE)
                )
        scale = log_scale((bar.values[0] for bars in shown.values() for bar in bars), ends=150)
        return drawn(
            f"{self.scenario}: two measurements",
            [Group(title, "B / A", bars, scale, one=True) for title, bars in shown.items()],
        )


def _grown(change: Change) -> str:
    return f"{number(change.ratio)} times" if change.before else f"0, then {number(change.after)}"


def _named(change: Change) -> str:
    return f"{change.what} ({change.case}): {change.figure}"


def compare(
    one: Mapping[str, Any], other: Mapping[str, Any], names: tuple[str, str] = ("A", "B")
) -> Comparison:
    """Put two measurements side by side.

    Raises
    ------
    RecipeError
        If they are not of the same scenario, or have no case in common.
    """
    if one["scenario"] != other["scenario"]:
        raise RecipeError(
            f"{names[0]} measures {one['scenario']!r} and {names[1]} {other['scenario']!r}; "
            "name two measurements of one scenario"
        )
    comparable = one["size"] == other["size"]
    changes = tuple(_changes(one, other, judged=comparable))
    if not changes:
        raise RecipeError(
            f"{names[0]} and {names[1]} have no case in common; name two that were measured in the same way"
        )
    return Comparison(one["scenario"], names, tuple(_differences(one, other)), changes, comparable)


def _differences(one: Mapping[str, Any], other: Mapping[str, Any]) -> Iterator[tuple[str, str, str]]:
    first, second = _conditions(one), _conditions(other)
    for what in dict.fromkeys((*first, *second)):
        found = first.get(what, "–"), second.get(what, "–")
        if found[0] != found[1]:
            yield what, *found


def _conditions(result: Mapping[str, Any]) -> dict[str, str]:
    """Return on what a measurement was made, each thing by its name."""
    machine, software = result["machine"], result.get("software", {}).get("", {})
    cluster = result.get("cluster", {})
    members = cluster.get("workers", {}).values()
    found = {
        "measured": result["began"],
        "commit": result["commit"] or "–",
        "load before": f"{result['load']['before']}",
        "command": result["command"],
        **{f"machine: {name}": f"{value}" for name, value in machine.items()},
        **{f"size: {name}": f"{value}" for name, value in result["size"].items()},
        **{f"cluster: {name}": f"{cluster[name]}" for name in ("kind", "slots", "memory") if name in cluster},
        **{f"version of {name}": f"{value}" for name, value in software.items()},
    }
    for name in ("host", "cpu", "gpus"):
        each = {f"{member.get(name)}" for member in members}
        found |= {f"workers: {name}": ", ".join(sorted(each))} if each else {}
    return found


def _changes(one: Mapping[str, Any], other: Mapping[str, Any], *, judged: bool) -> Iterator[Change]:
    others = {case["name"]: case for case in other["cases"]}
    for case in one["cases"]:
        if case["name"] not in others:
            continue
        both = case, others[case["name"]]
        for name in case["contenders"]:
            for said, figure, unit in _FIGURES:
                values = [list(figures(each, name, figure).values()) for each in both]
                yield from _change(case["name"], name, said, figure, unit, values, judged=judged)
        made = [products(each) for each in both]
        for key in made[0]:
            for said, figure, unit in _OF_PRODUCTS:
                values = [[of_product(row, figure) for row in each.get(key, ())] for each in made]
                yield from _change(case["name"], key[0], said, figure, unit, values, judged=judged)


def _change(
    case: str,
    what: str,
    said: str,
    figure: str,
    unit: float,
    values: Sequence[Sequence[float]],
    *,
    judged: bool,
) -> Iterator[Change]:
    before, after = values
    if before and after:
        verdict = _verdict(figure, before, after) if judged else ""
        first, second = (statistics.median(each) / unit for each in (before, after))
        yield Change(case, what, said, first, second, verdict)


def _verdict(figure: str, before: Sequence[float], after: Sequence[float]) -> str:
    """Return `worse` or `better` where medians differ by `LOUD` and no repeats overlap."""
    grew = min(after) > max(before) and statistics.median(after) > LOUD * statistics.median(before)
    shrank = max(after) < min(before) and statistics.median(before) > LOUD * statistics.median(after)
    if figure in NEITHER or not (grew or shrank):
        return ""
    return "better" if grew == (figure in MORE_IS_BETTER) else "worse"
