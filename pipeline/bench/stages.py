"""What a measurement on a cluster says of each product and of each worker, from its JSON alone."""

from __future__ import annotations

import math
import statistics
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    Rows = Sequence[Mapping[str, Any]]


def products(case: Mapping[str, Any]) -> dict[tuple[str, str], list[Mapping[str, Any]]]:
    """Return the rows of all repeats by product and stage, in the order in which they were made."""
    found: dict[tuple[str, str], list[Mapping[str, Any]]] = {}
    for run in case["runs"]:
        for row in run.get("stages", ()):
            found.setdefault((row["product"], row["stage"]), []).append(row)
    return found


def product_median(rows: Rows, figure: str) -> float:
    """Return the median of a product's figure over the repeats; NaN where there is none."""
    found = [value for row in rows if not math.isnan(value := of_product(row, figure))]
    return statistics.median(found) if found else math.nan


def of_product(row: Mapping[str, Any], figure: str) -> float:
    """Return a figure of a product in one repeat.

    Besides those that are kept: `in` (bytes read from files and from the source), `throughput` (bytes in and
    out a second), `rate` (operations a second), `largest` and `device` (of any worker, bytes).
    """
    through = row["read"] + row["moved"]
    held = [one["device"] for one in row["workers"].values() if one["device"] is not None]
    derived = {
        "in": through,
        "throughput": (through + row["stored"]) / row["wall"],
        "rate": row["flops"] / row["wall"] if row["flops"] else math.nan,
        "largest": max((one["peak"] for one in row["workers"].values()), default=math.nan),
        "device": max(held, default=math.nan),
    }
    return float(derived[figure] if figure in derived else row[figure])


def workers(case: Mapping[str, Any]) -> dict[str, dict[str, Any]]:
    """Return what each worker did in all repeats, and the most it ever held."""
    found: dict[str, dict[str, Any]] = {}
    for run in case["runs"]:
        for name, one in run.get("workers", {}).items():
            found[name] = added(found[name], one) if name in found else dict(one)
    return found


def added(one: Mapping[str, Any], other: Mapping[str, Any]) -> dict[str, Any]:
    """Return two parts of a worker's work as one: what was used summed, what was held the larger of both."""
    held = [each["device"] for each in (one, other) if each["device"] is not None]
    return {
        **{name: one[name] + other[name] for name in ("tasks", "busy", "cpu", "read")},
        "restarted": one["restarted"] or other["restarted"],
        "peak": max(one["peak"], other["peak"]),
        "device": max(held, default=None),
    }
