"""Tables of a measurement, from its JSON alone; as text they are Markdown."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from .stages import product_median, products, workers
from .verdict import figures, median

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

    from .verdict import Verdict

_MB = 1e6
#: Heading, figure, and the unit it is told in.
COLUMNS = (
    ("CPU (s)", "cpu", 1.0),
    ("MB moved", "bytes", _MB),
    ("requests", "requests", 1.0),
    ("memory (+MB)", "memory", _MB),
    ("1e9 operations / CPU s", "rate", 1e9),
    ("relative error x 1e6", "error", 1e-6),
    ("pictures / CPU s", "pictures", 1.0),
    ("pictures / s", "per_second", 1.0),
    ("steps / CPU s", "steps", 1.0),
    ("MB/s", "throughput", _MB),
    ("busy %", "busy", 0.01),
    ("largest worker (MB)", "largest", _MB),
    ("GPU memory (MB)", "device", _MB),
    ("tasks", "tasks", 1.0),
    ("tried again", "retries", 1.0),
    ("lost with a worker", "lost", 1.0),
    ("harmed", "harmed", 1.0),
    ("exit code", "exit", 1.0),
    ("blocks kept", "kept", 1.0),
    ("blocks missing", "missing", 1.0),
    ("blocks made twice", "again", 1.0),
    ("archive identical", "identical", 1.0),
    ("sockets", "listening", 1.0),
    ("open to others", "open", 1.0),
    ("tried to get in", "tried", 1.0),
    ("refused", "refused", 1.0),
    ("beyond its ttl (s)", "late", 1.0),
    ("resident at a tenth (MB)", "early", _MB),
    ("resident (MB)", "resident", _MB),
)
#: The same of a product.
_PRODUCT = (
    ("blocks", "blocks", 1.0),
    ("tasks", "tasks", 1.0),
    ("tried again", "retries", 1.0),
    ("lost", "lost", 1.0),
    ("time (s)", "wall", 1.0),
    ("CPU (s)", "cpu", 1.0),
    ("MB read", "in", _MB),
    ("MB stored", "stored", _MB),
    ("MB/s", "throughput", _MB),
    ("1e9 operations / s", "rate", 1e9),
    ("largest worker (MB)", "largest", _MB),
    ("GPU memory (MB)", "device", _MB),
)
_WORDS = {True: "met", False: "missed", None: "not measured"}


@dataclass(frozen=True)
class Table:
    """Rows under a heading; the first column is of names."""

    head: Sequence[str]
    rows: Sequence[Sequence[str]]

    def __str__(self) -> str:
        rule = [":--", *["--:"] * (len(self.head) - 1)]
        lines = [[cell.replace("|", r"\|") for cell in row] for row in (self.head, rule, *self.rows)]
        return "\n".join(f"| {' | '.join(line)} |" for line in lines)

    def told(self) -> Table:
        """Return the table without columns that say nothing."""
        columns = [column for column in zip(self.head, *self.rows, strict=True) if any(column[1:])]
        head, *rows = zip(*columns, strict=True)
        return Table(head, rows)


def goals(verdicts: Iterable[Verdict]) -> Table:
    """Return a row for each goal: the median of what was found, all repeats, whether that will do."""
    rows = [
        (
            each.case,
            each.says,
            each.bound,
            number(each.median),
            " ".join(map(number, each.ratios)),
            f"**{_WORDS[each.met]}**" if each.met is False else _WORDS[each.met],
        )
        for each in verdicts
    ]
    return Table(("case", "goal", "bound", "median", "repeats", ""), rows)


def counted(rows: Sequence[Mapping[str, str | float]]) -> Table:
    """Return a row for each thing that was counted."""
    return Table(list(rows[0]), [[_cell(each) for each in row.values()] for row in rows])


def _cell(value: str | float) -> str:
    if isinstance(value, str):
        return value
    return f"{value:,}" if isinstance(value, int) else f"{value:.3g}"


def figure_table(case: Mapping[str, Any]) -> Table:
    """Return a row for each contender: medians over the repeats, times also relative to the reference's.

    Figures that none of them has get no column.
    """
    alone = any("stages" in run for run in case["runs"])
    beside = [] if alone else [f"/ {case['reference']}"]
    head = ["contender", "n", "time (s)", *beside, *(said for said, _, _ in COLUMNS)]
    return Table(head, list(_rows(case, len(beside)))).told()


def _rows(case: Mapping[str, Any], beside: int) -> Iterator[list[str]]:
    one = median(case, case["reference"], "wall")
    for name in case["contenders"]:
        done = len(figures(case, name, "wall"))
        if not done:
            yield [name, "0", _why(case, name), *[""] * (beside + len(COLUMNS))]
            continue
        wall = median(case, name, "wall")
        others = (median(case, name, figure) / unit for _, figure, unit in COLUMNS)
        yield [name, str(done), *map(number, ((wall, wall / one)[: 1 + beside])), *map(number, others)]


def _why(case: Mapping[str, Any], name: str) -> str:
    """Return why a contender has no figures."""
    for run in case["runs"]:
        if run["contender"] == name:
            moved = f", {run['bytes'] / _MB:.0f} MB moved" if "bytes" in run else ""
            return f"stopped after {run['stopped']:g} s{moved}" if "stopped" in run else "failed"
    return "not run"


def product_table(case: Mapping[str, Any]) -> Table:
    """Return a row for each product that was made: medians over the repeats."""
    head = ["product", "stage", *(said for said, _, _ in _PRODUCT)]
    found = [
        [name, stage, *(number(product_median(rows, figure) / unit) for _, figure, unit in _PRODUCT)]
        for (name, stage), rows in products(case).items()
    ]
    return Table(head, found).told()


def worker_table(result: Mapping[str, Any], case: Mapping[str, Any]) -> Table:
    """Return a row for each worker: what it did in all repeats, and the most it ever held."""
    head = ("worker", "host", "tasks", "busy (s)", "CPU (s)", "MB read", "peak (MB)", "limit (MB)")
    members = result["cluster"]["workers"]
    rows = [
        [
            name,
            members.get(name, {}).get("host", "came later"),
            f"{one['tasks']:,.0f}",
            *map(number, (one["busy"], one["cpu"], one["read"] / _MB, one["peak"] / _MB)),
            number((members.get(name, {}).get("limit") or math.nan) / _MB),
            number((one["device"] or math.nan) / _MB),
            "yes" if one["restarted"] else "",
        ]
        for name, one in workers(case).items()
    ]
    return Table((*head, "GPU memory (MB)", "started again"), rows).told()


def number(value: float) -> str:
    """Return a number with three digits that count; nothing for NaN.

    >>> number(0.07123), number(25.71), number(1102.2), number(4007), number(float("nan"))
    ('0.0712', '25.7', '1,102', '4,007', '')
    """
    if math.isnan(value):
        return ""
    return f"{value:,.0f}" if abs(value) >= 100 else f"{value:.3g}"
