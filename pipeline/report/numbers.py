"""Numbers as a reader wants them: sensible digits, a true minus sign, units people know."""

from __future__ import annotations

import math
from datetime import UTC, datetime
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

#: What stands for a number that is not known.
NONE = "–"


def decimal(value: float, digits: int = 3) -> str:
    """Return a score or correlation, without the zero before the point.

    >>> decimal(0.78941), decimal(-0.02), decimal(1.0), decimal(123.456)
    ('.789', '−.020', '1.000', '123.5')
    """
    if not math.isfinite(value):
        return NONE
    text = f"{abs(value):.{digits if abs(value) < 10 else 1}f}"
    sign = "−" if value < 0 and float(text) else ""
    return sign + (text[1:] if text.startswith("0.") else text)


def count(value: int) -> str:
    """Return a whole number with its thousands apart.

    >>> count(15724)
    '15,724'
    """
    return f"{value:,}"


def penalty(value: float) -> str:
    """Return a ridge penalty, three digits below a thousand.

    >>> penalty(60000), penalty(316.2278), penalty(0.05)
    ('60,000', '316', '0.05')
    """
    return f"{value:,.0f}" if value >= 1000 else f"{value:.3g}"


def several(value: int, one: str, more: str = "") -> str:
    """Return a count with its noun.

    >>> several(1, "block"), several(3092, "voxel")
    ('1 block', '3,092 voxels')
    """
    return f"{count(value)} {one if value == 1 else more or one + 's'}"


def spans(numbers: Sequence[int]) -> str:
    """Return ascending whole numbers, those that follow each other as a span.

    >>> spans([1, 2, 3, 5, 7, 8])
    '1 to 3, 5, 7 to 8'
    """
    runs: list[list[int]] = []
    for number in numbers:
        if runs and number == runs[-1][-1] + 1:
            runs[-1].append(number)
        else:
            runs.append([number])
    return ", ".join(f"{run[0]} to {run[-1]}" if len(run) > 1 else str(run[0]) for run in runs)


def percent(share: float) -> str:
    """Return a share in whole percent.

    >>> percent(0.934), percent(float("nan"))
    ('93 %', '–')
    """
    return f"{100 * share:.0f} %" if math.isfinite(share) else NONE


def duration(seconds: float) -> str:
    """Return a time span.

    >>> duration(0.0341), duration(12.34), duration(72), duration(7500)
    ('34 ms', '12.3 s', '1 min 12 s', '2 h 5 min')
    """
    if seconds < 0.9995:
        return f"{1000 * seconds:.0f} ms"
    if seconds < 59.95:
        return f"{seconds:.1f} s"
    minutes, rest = divmod(round(seconds), 60)
    if minutes < 60:
        return f"{minutes} min {rest} s"
    return f"{minutes // 60:,} h {minutes % 60} min"


def moment(created: str) -> str:
    """Return an ISO time as a date with the time of day.

    >>> moment("2026-11-21T08:58:01+00:00")
    '21 November 2026, 08:58 UTC'
    """
    when = datetime.fromisoformat(created).astimezone(UTC)
    return f"{when.day} {when:%B %Y, %H:%M} UTC"
