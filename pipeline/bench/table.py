"""Tables of a measurement in Markdown, from its JSON alone."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

from .verdict import disagreements, figures, judge, median

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

    from .verdict import Verdict

_MB = 1e6
#: Heading, figure, and the unit it is told in.
_COLUMNS = (
    ("CPU (s)", "cpu", 1.0),
    ("MB moved", "bytes", _MB),
    ("requests", "requests", 1.0),
    ("memory (+MB)", "memory", _MB),
    ("1e9 operations / CPU s", "rate", 1e9),
    ("relative error x 1e6", "error", 1e-6),
    ("pictures / CPU s", "pictures", 1.0),
    ("pictures / s", "per_second", 1.0),
    ("steps / CPU s", "steps", 1.0),
)
_WORDS = {True: "met", False: "**missed**", None: "not measured"}


def markdown(result: Mapping[str, Any]) -> str:
    """Return a measurement as Markdown: where it was made, its goals, a table for each case."""
    verdicts = judge(result)
    parts = [_heading(result), *([goals(verdicts)] if verdicts else [])]
    parts += map("**They disagree.** {}".format, disagreements(result))
    parts += [f"### {case['name']}\n\n{_when(case)}{figure_table(case)}" for case in result["cases"]]
    parts += [f"### Counted, not run\n\n{counted(rows)}" for rows in [result.get("counted")] if rows]
    return "\n\n".join(parts) + "\n"


def _heading(result: Mapping[str, Any]) -> str:
    machine, load, size = result["machine"], result["load"], result["size"]
    at = f" at {result['commit']}" if result["commit"] else ""
    sizes = ", ".join(f"{name} {_listed(value)}" for name, value in size.items())
    return (
        f"## {result['scenario']}\n\n{result['probes']}\n\n"
        f"`{result['command']}`{at}, {result['began']}, {result['seconds']} s. "
        f"{machine['cpu']}, {machine['usable_cores']} cores, {machine['memory_bytes'] / 2**30:.0f} GiB, "
        f"load {load['before']} before, {load['after']} after. Size: {sizes}."
    )


def _when(case: Mapping[str, Any]) -> str:
    """Return when a case was measured, where it says so: it may be of another run than its neighbours."""
    if "began" not in case:
        return ""
    at, load = f" at {case['commit']}" if case["commit"] else "", case["load"]
    return (
        f"{case['began']}{at}, {case['seconds']} s, load {load['before']} before, {load['after']} after.\n\n"
    )


def _listed(value: Any) -> str:
    return " x ".join(map(str, value)) if isinstance(value, list | tuple) else f"{value}"


def goals(verdicts: Iterable[Verdict]) -> str:
    """Return a row for each goal: the median of what was found, all repeats, whether that will do."""
    rows = [
        (
            each.case,
            each.says,
            each.bound,
            number(each.median),
            " ".join(map(number, each.ratios)),
            _WORDS[each.met],
        )
        for each in verdicts
    ]
    return rows_table(("case", "goal", "bound", "median", "repeats", ""), rows)


def counted(rows: Sequence[Mapping[str, str | float]]) -> str:
    """Return a row for each thing that was counted."""
    return rows_table(list(rows[0]), [[_cell(each) for each in row.values()] for row in rows])


def _cell(value: str | float) -> str:
    if isinstance(value, str):
        return value
    return f"{value:,}" if isinstance(value, int) else f"{value:.3g}"


def figure_table(case: Mapping[str, Any]) -> str:
    """Return a row for each contender: medians over the repeats, times also relative to the reference's.

    Figures that none of them has get no column.
    """
    head = ["contender", "n", "time (s)", f"/ {case['reference']}", *(said for said, _, _ in _COLUMNS)]
    rows = [head, *_rows(case)]
    told = [column for column in zip(*rows, strict=True) if any(column[1:])]
    head, *rows = map(list, zip(*told, strict=True))
    return rows_table(head, rows)


def _rows(case: Mapping[str, Any]) -> Iterator[list[str]]:
    one = median(case, case["reference"], "wall")
    for name in case["contenders"]:
        done = len(figures(case, name, "wall"))
        if not done:
            yield [name, "0", _why(case, name), "", *[""] * len(_COLUMNS)]
            continue
        wall = median(case, name, "wall")
        others = (median(case, name, figure) / unit for _, figure, unit in _COLUMNS)
        yield [name, str(done), *map(number, (wall, wall / one, *others))]


def _why(case: Mapping[str, Any], name: str) -> str:
    """Return why a contender has no figures."""
    for run in case["runs"]:
        if run["contender"] == name:
            moved = f", {run['bytes'] / _MB:.0f} MB moved" if "bytes" in run else ""
            return f"stopped after {run['stopped']:g} s{moved}" if "stopped" in run else "failed"
    return "not run"


def number(value: float) -> str:
    """Return a number with three digits that count; nothing for NaN.

    >>> number(0.07123), number(25.71), number(1102.2), number(4007), number(float("nan"))
    ('0.0712', '25.7', '1,102', '4,007', '')
    """
    if math.isnan(value):
        return ""
    return f"{value:,.0f}" if abs(value) >= 100 else f"{value:.3g}"


def rows_table(head: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """Return a Markdown table; columns after the first two that hold numbers are aligned by their end."""
    rule = [":--", *["--:"] * (len(head) - 1)]
    return "\n".join(f"| {' | '.join(row)} |" for row in (head, rule, *rows))


def side_by_side(one: Mapping[str, Any], other: Mapping[str, Any]) -> str:
    """Return the median times of two measurements of a scenario, and the second's relative to the first's."""
    cases = {case["name"]: case for case in other["cases"]}
    rows = []
    for case in one["cases"]:
        for name in case["contenders"]:
            if case["name"] in cases and name in cases[case["name"]]["contenders"]:
                before, after = (median(each, name, "wall") for each in (case, cases[case["name"]]))
                rows.append((case["name"], name, number(before), number(after), number(after / before)))
    return rows_table(("case", "contender", one["began"], other["began"], "ratio"), rows)
