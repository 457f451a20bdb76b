"""A measurement, or two side by side, as one HTML page that needs nothing but itself."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from ..report.write import filled
from .plot import svg
from .sections import facts, sections

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from .comparison import Comparison
    from .sections import Section


@dataclass(frozen=True)
class Page:
    """What the template shows."""

    title: str
    lead: str
    facts: Sequence[tuple[str, str]]
    svg: str
    sections: Sequence[Section]
    software: Sequence[tuple[str, str]] = ()
    notice: str = ""
    report: str = ""
    """Name of dask's performance report beside the page, if there is one."""


def of_measurement(result: Mapping[str, Any], report: str = "") -> str:
    """Return the page of a measurement."""
    told = [(name, text.removeprefix(f"{name}: ").strip(" ,")) for name, text in facts(result).items()]
    where = f" on {result['cluster']['kind']}" if "cluster" in result else ""
    software = sorted(result.get("software", {}).get("", {}).items())
    shown = list(sections(result))
    notice = "The data are simulated; what is measured is the work on them." if where else ""
    page = Page(
        title=f"{result['scenario']}{where}",
        lead=result["probes"],
        facts=told,
        svg=svg(result),
        sections=shown,
        software=software,
        notice=notice,
        report=report,
    )
    return filled(__package__, "bench.html", page=page)


def of_comparison(found: Comparison) -> str:
    """Return the page of two measurements."""
    a, b = found.names
    page = Page(
        title=f"{found.scenario}: two measurements",
        lead=f"A is {a}, B is {b}.",
        facts=(),
        svg=found.svg(),
        sections=list(found.sections()),
        notice=found.verdict,
    )
    return filled(__package__, "bench.html", page=page)
