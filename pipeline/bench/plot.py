"""A plot of a measurement as SVG, from its JSON alone: times, a bar a median, a dot a repeat."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any
from xml.sax.saxutils import escape

from .table import number
from .verdict import figures, median

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

WIDTH, NAMES, ENDS = 760, 220, 90
"""Of the whole, of what stands left of the bars, and right of them, in pixels."""
ROW, HEAD, EDGE = 20, 34, 12
"""Heights of a bar's row and of a case's heading, and the margin."""
GREY, BLUE, INK = "#b8bec6", "#2f6fb0", "#22262b"


@dataclass(frozen=True)
class Scale:
    """A logarithmic axis from `low` to `high`."""

    low: float
    high: float

    def at(self, value: float) -> float:
        """Return where a value stands, in pixels."""
        share = math.log(value / self.low) / math.log(self.high / self.low)
        return NAMES + (WIDTH - NAMES - ENDS) * min(1.0, max(0.0, share))


def svg(result: Mapping[str, Any]) -> str:
    """Return the times of all cases, each relative to its reference's, on one logarithmic axis.

    Contenders named after vox2pix are blue.
    """
    bars = {case["name"]: list(_bars(case)) for case in result["cases"]}
    found = [each for rows in bars.values() for _, ratios, _ in rows for each in ratios] or [1.0]
    scale = Scale(10 ** math.floor(math.log10(min(found))), 10 ** math.ceil(math.log10(max(*found, 1.01))))
    height = sum(HEAD + ROW * len(rows) for rows in bars.values()) + 3 * EDGE
    marks: list[str] = []
    top = EDGE
    for case in result["cases"]:
        marks += _case(case, bars[case["name"]], scale, top)
        top += HEAD + ROW * len(bars[case["name"]])
    said = escape(f"{result['scenario']}: {result['probes']}")
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {height}" role="img" '
        f'font-family="sans-serif" font-size="12" fill="{INK}"><title>{said}</title>'
        f'<rect width="{WIDTH}" height="{height}" fill="#fff"/>{"".join(marks)}</svg>'
    )


def _bars(case: Mapping[str, Any]) -> Iterator[tuple[str, list[float], float]]:
    """Yield name, times relative to the reference's median, and seconds of each that came through."""
    one = median(case, case["reference"], "wall")
    for name in case["contenders"]:
        walls = list(figures(case, name, "wall").values())
        if walls and not math.isnan(one):
            yield name, [wall / one for wall in walls], median(case, name, "wall")


def _case(
    case: Mapping[str, Any], bars: list[tuple[str, list[float], float]], scale: Scale, top: int
) -> Iterator[str]:
    yield f'<text x="{EDGE}" y="{top + 20}" font-weight="bold">{escape(case["name"])}</text>'
    yield _said(WIDTH - EDGE, top + 20, f"time / {case['reference']}", "end")
    one, bottom = scale.at(1.0), top + HEAD + ROW * len(bars)
    yield f'<path d="M{one:.1f} {top + HEAD - 4}V{bottom}" stroke="{INK}" stroke-dasharray="2 3"/>'
    for row, (name, ratios, seconds) in enumerate(bars):
        y = top + HEAD + ROW * row
        middle = sorted(ratios)[len(ratios) // 2]
        colour = BLUE if name.startswith("vox2pix") else GREY
        yield _said(NAMES - 8, y + 11, name, "end")
        width = max(1.0, scale.at(middle) - NAMES)
        yield f'<rect x="{NAMES}" y="{y}" width="{width:.1f}" height="{ROW - 6}" fill="{colour}"/>'
        for ratio in ratios:
            yield f'<circle cx="{scale.at(ratio):.1f}" cy="{y + ROW / 2 - 3}" r="2.5" fill="{INK}"/>'
        at = scale.at(max(ratios)) + 8
        yield _said(at, y + 11, f"{number(middle)} ({number(seconds)} s)", "start")


def _said(x: float, y: float, text: str, anchor: str) -> str:
    return f'<text x="{x:.1f}" y="{y:.1f}" text-anchor="{anchor}">{escape(text)}</text>'
