"""Plots of a measurement as SVG, from its JSON alone: a bar a median, a dot a repeat."""

from __future__ import annotations

import math
import statistics
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any
from xml.sax.saxutils import escape

from .stages import of_product, products, workers
from .table import number
from .verdict import figures, median

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

WIDTH, NAMES, ENDS = 760, 220, 90
"""Of the whole, of what stands left of the bars, and right of them, in pixels."""
ROW, HEAD, EDGE = 20, 34, 12
"""Heights of a bar's row and of a group's heading, and the margin."""
GREY, BLUE, RED, INK = "#b8bec6", "#2f6fb0", "#bf4d08", "#22262b"
MOST = 40
"""Bars of a group; of more workers, those with the largest peaks are drawn."""
_MB = 1e6


@dataclass(frozen=True)
class Scale:
    """An axis from `low` to `high`; logarithmic where `low` is not 0."""

    low: float
    high: float
    ends: int = ENDS
    """Pixels that are left for what stands at the ends of the bars."""

    def at(self, value: float) -> float:
        """Return where a value stands, in pixels."""
        share = math.log(value / self.low) / math.log(self.high / self.low) if self.low else value / self.high
        return NAMES + (WIDTH - NAMES - self.ends) * min(1.0, max(0.0, share))


@dataclass(frozen=True)
class Bar:
    """One bar: as long as the median of its values."""

    name: str
    values: Sequence[float]
    said: str
    """What stands at its end."""
    colour: str = BLUE
    limit: float | None = None
    """What it must not reach."""


@dataclass(frozen=True)
class Group:
    """Bars under a heading."""

    title: str
    says: str
    """What their lengths are."""
    bars: Sequence[Bar]
    scale: Scale
    one: bool = False
    """Whether a line stands at 1."""


def svg(result: Mapping[str, Any]) -> str:
    """Return all plots of a measurement.

    Times of several contenders relative to the reference's, on one logarithmic axis, ours blue; of a run on a
    cluster the time of each product and the peak of each worker beside its limit.
    """
    return drawn(f"{result['scenario']}: {result['probes']}", groups(result))


def groups(result: Mapping[str, Any]) -> list[Group]:
    """Return what is drawn of a measurement."""
    compared = [case for case in result["cases"] if len(case["contenders"]) > 1]
    bars = {case["name"]: list(_beside(case)) for case in compared}
    scale = log_scale(value for rows in bars.values() for bar in rows for value in bar.values)
    found = [
        Group(case["name"], f"time / {case['reference']}", bars[case["name"]], scale, one=True)
        for case in compared
    ]
    for case in result["cases"]:
        if any("stages" in run for run in case["runs"]):
            found += [_times(case), _peaks(result, case)]
    return found


def log_scale(values: Iterable[float], ends: int = ENDS) -> Scale:
    """Return the axis of whole powers of ten that holds some ratios."""
    found = [value for value in values if value > 0] or [1.0]
    low, high = math.log10(min(found)), math.log10(max(*found, 1.01))
    return Scale(10 ** math.floor(low), 10 ** math.ceil(high), ends)


def _beside(case: Mapping[str, Any]) -> Iterator[Bar]:
    """Yield a bar for each contender that came through, relative to the reference."""
    one = median(case, case["reference"], "wall")
    for name in case["contenders"]:
        walls = list(figures(case, name, "wall").values())
        if walls and not math.isnan(one):
            said = f"{number(_middle(walls) / one)} ({number(median(case, name, 'wall'))} s)"
            yield Bar(
                name, [wall / one for wall in walls], said, BLUE if name.startswith("vox2pix") else GREY
            )


def _middle(values: Sequence[float]) -> float:
    return sorted(values)[len(values) // 2]


def _times(case: Mapping[str, Any]) -> Group:
    bars = []
    for (name, _), rows in products(case).items():
        walls = [row["wall"] for row in rows]
        through = statistics.median(of_product(row, "throughput") for row in rows)
        said = f"{number(statistics.median(walls))} s, {number(through / _MB)} MB/s"
        bars.append(Bar(name.partition("/")[2] or name, walls, said))
    return Group(f"{case['name']}: products", "time (s)", bars, _linear(bars))


def _peaks(result: Mapping[str, Any], case: Mapping[str, Any]) -> Group:
    members = result["cluster"]["workers"]
    found = sorted(workers(case).items(), key=lambda each: -each[1]["peak"])
    bars = []
    for name, one in found[:MOST]:
        limit, peak = members.get(name, {}).get("limit"), one["peak"] / _MB
        said = f"{number(peak)} of {number(limit / _MB)} MB" if limit else f"{number(peak)} MB"
        bars.append(Bar(name, [peak], said, limit=limit / _MB if limit else None))
    more = f", {MOST} of {len(found)}" if len(found) > MOST else ""
    return Group(f"{case['name']}: workers{more}", "largest resident set, limit dashed", bars, _linear(bars))


def _linear(bars: Sequence[Bar]) -> Scale:
    held = [value for bar in bars for value in (*bar.values, bar.limit or 0.0)]
    return Scale(0.0, max(held, default=0.0) or 1.0, ends=150)


def drawn(title: str, shown: Sequence[Group]) -> str:
    """Return groups of bars as one SVG."""
    marks: list[str] = []
    top = EDGE
    for group in shown:
        marks += _group(group, top)
        top += HEAD + ROW * len(group.bars)
    height = top + 2 * EDGE
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {height}" role="img" '
        f'font-family="sans-serif" font-size="12" fill="{INK}"><title>{escape(title)}</title>'
        f'<rect width="{WIDTH}" height="{height}" fill="#fff"/>{"".join(marks)}</svg>'
    )


def _group(group: Group, top: int) -> Iterator[str]:
    yield f'<text x="{EDGE}" y="{top + 20}" font-weight="bold">{escape(group.title)}</text>'
    yield _said(WIDTH - EDGE, top + 20, group.says, "end")
    if group.one:
        one, bottom = group.scale.at(1.0), top + HEAD + ROW * len(group.bars)
        yield f'<path d="M{one:.1f} {top + HEAD - 4}V{bottom}" stroke="{INK}" stroke-dasharray="2 3"/>'
    for row, bar in enumerate(group.bars):
        yield from _bar(bar, group.scale, top + HEAD + ROW * row)


def _bar(bar: Bar, scale: Scale, y: int) -> Iterator[str]:
    yield _said(NAMES - 8, y + 11, bar.name if len(bar.name) <= 34 else f"{bar.name[:33]}…", "end")
    width = max(1.0, scale.at(_middle(bar.values)) - NAMES)
    yield f'<rect x="{NAMES}" y="{y}" width="{width:.1f}" height="{ROW - 6}" fill="{bar.colour}"/>'
    if bar.limit is not None:
        at = scale.at(bar.limit)
        yield f'<path d="M{at:.1f} {y - 2}v{ROW - 2}" stroke="{INK}" stroke-dasharray="2 3"/>'
    for value in bar.values if bar.limit is None else ():
        yield f'<circle cx="{scale.at(value):.1f}" cy="{y + ROW / 2 - 3}" r="2.5" fill="{INK}"/>'
    yield _said(scale.at(max(bar.values)) + 8, y + 11, bar.said, "start")


def _said(x: float, y: float, text: str, anchor: str) -> str:
    return f'<text x="{x:.1f}" y="{y:.1f}" text-anchor="{anchor}">{escape(text)}</text>'
