"""An archive at a glance: owner, name, fingerprints, how much is done and how large; as text and as HTML."""

from __future__ import annotations

from dataclasses import dataclass
from html import escape
from itertools import groupby
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    Row = Mapping[str, Any]

#: Digits of a fingerprint that are shown; any beginning that is unique opens a product.
DIGITS = 8

#: No colour but the notebook's own, so that it can be read on light and on dark.
_STYLE = "margin:0 0 0 1.2em;padding:0;border:none;background:none;color:inherit"


@dataclass(frozen=True, repr=False)
class Tree:
    """The products of an archive by owner and name."""

    place: str
    """Where the archive lies."""
    rows: Sequence[Row]
    """What `contents.summary` says of each product, sorted by owner and name."""

    def __repr__(self) -> str:
        """Return the tree as text."""
        owners = (f"{owner}\n" + "\n".join(f"  {line}" for line in lines) for owner, lines in self._owners())
        return "\n".join([self._head(), *owners])

    def _repr_html_(self) -> str:
        """Return the tree as HTML, an owner a fold."""
        folds = (
            f"<details open><summary>{escape(owner)}</summary>"
            f'<pre style="{_STYLE}">{escape(chr(10).join(lines))}</pre></details>'
            for owner, lines in self._owners()
        )
        return f"<div><div>{escape(self._head())}</div>{''.join(folds)}</div>"

    def _head(self) -> str:
        size = _bytes(sum(row["bytes"] for row in self.rows))
        return f"{self.place}: {len(self.rows)} product{'' if len(self.rows) == 1 else 's'}, {size}"

    def _owners(self) -> list[tuple[str, list[str]]]:
        """Return the lines of each owner, in columns of one width for all."""
        cells = [
            (owner, _cells(list(rows))) for owner, rows in groupby(self.rows, lambda row: str(row["owner"]))
        ]
        every = [line for _, lines in cells for line in lines]
        widths = [max(map(len, column)) for column in zip(*every, strict=True)]
        return [(owner, [_aligned(line, widths) for line in lines]) for owner, lines in cells]


def _cells(rows: Sequence[Row]) -> list[tuple[str, ...]]:
    """Return a line for each fingerprint: name (where it is a new one), fingerprint, blocks, bytes, time."""
    names = ["", *(row["name"] for row in rows)]
    return [
        (
            "" if row["name"] == before else row["name"],
            row["fingerprint"][:DIGITS],
            f"{row['done']}/{row['blocks']}",
            _bytes(row["bytes"]),
            str(row["created"] or "unfinished").replace("T", " ").removesuffix("+00:00"),
        )
        for row, before in zip(rows, names, strict=False)
    ]


def _aligned(line: Sequence[str], widths: Sequence[int]) -> str:
    """Return a line in columns, numbers to the right."""
    numbers = (False, False, True, True, False)
    columns = zip(line, widths, numbers, strict=True)
    return "  ".join(
        cell.rjust(size) if right else cell.ljust(size) for cell, size, right in columns
    ).rstrip()


def _bytes(size: float) -> str:
    """Return a number of bytes for reading.

    >>> _bytes(2_000_000_000), _bytes(999)
    ('2.0 GB', '999 B')
    """
    for unit, scale in (("TB", 1e12), ("GB", 1e9), ("MB", 1e6), ("kB", 1e3)):
        if size >= scale:
            return f"{size / scale:.1f} {unit}"
    return f"{size:.0f} B"
