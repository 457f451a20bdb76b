"""How things are said: stdout is data, stderr is conversation."""

from __future__ import annotations

import json
import math
import os
import sys
from contextlib import suppress
from typing import TYPE_CHECKING, Any

from .manner import manner

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence


class ReaderGone(Exception):
    """Nobody reads stdout any more, as in ``vox2pix ls ARCHIVE | head -1``."""


def put(text: str) -> None:
    """Print data."""
    try:
        sys.stdout.write(f"{text}\n")
        sys.stdout.flush()
    except BrokenPipeError:
        _mute()
        raise ReaderGone from None


def _mute() -> None:
    """Send to nowhere what Python would still flush to stdout on leaving."""
    with suppress(OSError, ValueError):
        nowhere = os.open(os.devnull, os.O_WRONLY)
        os.dup2(nowhere, sys.stdout.fileno())
        os.close(nowhere)


def put_json(value: Any) -> None:
    """Print one JSON object; NaN and infinities, which JSON lacks, become null."""
    put(json.dumps(plain(value), indent=1, allow_nan=False))


def plain(value: Any) -> Any:
    """Return a value as JSON can hold it.

    >>> plain({"mean": float("nan"), "shape": (2, 3)})
    {'mean': None, 'shape': [2, 3]}
    """
    if isinstance(value, dict):
        return {str(key): plain(inner) for key, inner in value.items()}
    if isinstance(value, (list, tuple)):
        return [plain(inner) for inner in value]
    if isinstance(value, float) and not math.isfinite(value):
        return None
    return value


def tell(text: str) -> None:
    """Print conversation, if anybody listens."""
    with suppress(OSError):
        sys.stderr.write(f"{text}\n")
        sys.stderr.flush()


def remark(text: str) -> None:
    """Print conversation that `--quiet` leaves out."""
    if not manner().quiet:
        tell(text)


def put_table(rows: Sequence[Mapping[str, str]], right: Sequence[str] = ()) -> None:
    """Print rows under their keys as headings; the columns named in `right` are set to the right."""
    if not rows:
        return
    if sys.stdout.isatty():
        _rich_table(rows, right)
    else:
        put(plain_table(rows, right))


def plain_table(rows: Sequence[Mapping[str, str]], right: Sequence[str] = ()) -> str:
    """Return rows as lines of aligned columns.

    >>> print(plain_table([{"stage": "score", "done": "1"}], ["done"]))
    stage  done
    score     1
    """
    columns = {name: [name, *(row[name] for row in rows)] for name in rows[0]}
    widths = {name: max(map(len, cells)) for name, cells in columns.items()}
    lines = [
        "  ".join(
            cells[at].rjust(widths[name]) if name in right else cells[at].ljust(widths[name])
            for name, cells in columns.items()
        ).rstrip()
        for at in range(len(rows) + 1)
    ]
    return "\n".join(lines)


def _rich_table(rows: Sequence[Mapping[str, str]], right: Sequence[str]) -> None:
    from rich.box import SIMPLE_HEAD
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    table = Table(box=SIMPLE_HEAD, pad_edge=False)
    for name in rows[0]:
        table.add_column(name, justify="right" if name in right else "left", overflow="fold")
    for row in rows:
        table.add_row(*(Text(cell) for cell in row.values()))
    Console(file=sys.stdout).print(table)


def flops(count: float) -> str:
    """Return a number of floating-point operations for reading.

    >>> flops(2.5e12), flops(0)
    ('2.5 T', '0')
    """
    for unit, scale in (("P", 1e15), ("T", 1e12), ("G", 1e9), ("M", 1e6), ("k", 1e3)):
        if count >= scale:
            return f"{count / scale:.1f} {unit}"
    return f"{count:.0f}"


def counted(number: int, noun: str) -> str:
    """Return a number with its noun.

    >>> counted(1, "block"), counted(3, "block")
    ('1 block', '3 blocks')
    """
    return f"{number} {noun}" if number == 1 else f"{number} {noun}s"
