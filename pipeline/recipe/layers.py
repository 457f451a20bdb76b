"""The layers of a recipe: the preset underneath, the file on it, the overrides on top."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Mapping
from typing import Any

from pipeline.errors import RecipeError

_BARE_KEY = re.compile(r"[A-Za-z0-9_-]+")
# what a shell leaves of a quoted word, path, URL or ROI expression
_BARE_WORD = re.compile(r"([^\"'\[\]{}=#,\x00-\x1f\x7f]|(?<= )==(?= )|(?<= !)=(?= ))+")


def overlay(under: Mapping[str, Any], over: Mapping[str, Any]) -> dict[str, Any]:
    """Return `under` with what `over` says on top: tables are merged, everything else is replaced.

    >>> overlay({"ridge": {"folds": 5}, "seed": 0}, {"ridge": {"folds": 3}})
    {'ridge': {'folds': 3}, 'seed': 0}
    """
    both = dict(under)
    for key, value in over.items():
        below = both.get(key)
        tables = isinstance(below, Mapping) and isinstance(value, Mapping)
        both[key] = overlay(below, value) if tables else value  # type: ignore[arg-type]
    return both


def read_override(text: str) -> tuple[tuple[str, ...], Any]:
    """Return the keys and the value of an override such as ``ridge.spaces.pixels.alpha=100``.

    The value is TOML; a bare word, path or URL is text as it stands.

    Raises
    ------
    RecipeError
        If there is no ``=``, the key is no dotted key, or the value cannot be read.
    """
    key, equals, value = text.partition("=")
    keys = tuple(part.strip() for part in key.split("."))
    if not equals or not all(_BARE_KEY.fullmatch(part) for part in keys):
        raise RecipeError(
            f"override {text[:80]!r} was not understood; expected KEY=VALUE, as in ridge.folds=3"
        )
    return keys, _read_value(value.strip(), text)


def _read_value(value: str, text: str) -> Any:
    try:
        tables = tomllib.loads(f"value = {value}")
    except (ValueError, RecursionError):  # the latter from thousands of brackets
        if _BARE_WORD.fullmatch(value):
            return value
        tables = {}
    if set(tables) != {"value"}:  # a line break would smuggle in other keys
        raise RecipeError(
            f"override {text[:80]!r} has no value TOML can read; expected text, a number or a list"
        )
    return tables["value"]


def with_override(tables: Mapping[str, Any], keys: tuple[str, ...], value: Any) -> dict[str, Any]:
    """Return tables in which the value at `keys` is another one; tables on the way are made."""
    first, *rest = keys
    if rest:
        below = tables.get(first)
        value = with_override(below if isinstance(below, Mapping) else {}, tuple(rest), value)
    return {**tables, first: value}
