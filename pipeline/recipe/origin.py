"""Where a recipe came from: its folder, its text and what was overridden, to say where a mistake stands."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

_HEADER = re.compile(r"\s*\[+([^\[\]]+)\]+\s*(#.*)?$")
_KEY = re.compile(r"\s*([\w.\"'-]+)\s*=")


@dataclass(frozen=True)
class Origin:
    """Where a recipe came from.

    Parameters
    ----------
    base
        The folder that relative paths are taken from.
    path
        The file, where there is one.
    text
        What stands in the file.
    overrides
        The overrides as they were given, by the key they set.
    """

    base: Path = field(default_factory=Path.cwd)
    path: Path | None = None
    text: str = ""
    overrides: Mapping[tuple[str, ...], str] = field(default_factory=dict)

    @property
    def name(self) -> str:
        """What to call the recipe in a message."""
        return str(self.path) if self.path else "recipe"

    def say_where(self, message: str, keys: Sequence[str]) -> str:
        """Return a message about the value at some keys, with the line or the override it comes from."""
        for length in range(len(keys), 0, -1):
            if tuple(keys[:length]) in self.overrides:
                return f"{message} (from the override {self.overrides[tuple(keys[:length])]})"
        line = line_of(self.text, keys)
        return f"line {line}: {message}" if line else message


def line_of(text: str, keys: Sequence[str]) -> int | None:
    r"""Return the line of TOML (from 1) where a table or key stands; None where it is not found.

    >>> line_of("[a]\nb = 1\n[a.c]\nb = 2", ["a", "c", "b"])
    4
    """
    table: tuple[str, ...] = ()
    for number, line in enumerate(text.splitlines(), start=1):
        header, key = _HEADER.match(line), _KEY.match(line)
        if header:
            table = _parts(header[1])
        found = table if header else (*table, *_parts(key[1])) if key else None
        if found == tuple(keys):
            return number
    return None


def _parts(dotted: str) -> tuple[str, ...]:
    return tuple(part.strip(" \t\"'") for part in dotted.split("."))
