"""Several recipes: what to call each, and in what they differ."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from ..recipe import Recipe


def names_of(recipes: Sequence[Recipe]) -> list[str]:
    """Return what to call each recipe: its file's name, with a letter where two have the same."""
    names = [_name(recipe) for recipe in recipes]
    return [
        name if names.count(name) == 1 else f"{name} {_letters(names[:at].count(name))}"
        for at, name in enumerate(names)
    ]


def _name(recipe: Recipe) -> str:
    if recipe.path is None:
        return recipe.preset or "recipe"
    folder = recipe.base.name  # `recipe.toml` says nothing; the folder it lies in may
    return recipe.path.stem if recipe.path.stem != "recipe" else folder or "recipe"


def _letters(place: int) -> str:
    """Return A, B ... Z, AA ..."""
    more, rest = divmod(place, 26)
    return (_letters(more - 1) if more else "") + chr(ord("A") + rest)


def differences(recipes: Sequence[Recipe]) -> Iterator[tuple[str, tuple[str, ...]]]:
    """Yield the keys in which recipes differ, with the value in each; where archives lie is no difference."""
    flat = [dict(_flat(recipe.meaning(), "")) for recipe in recipes]
    for key in dict.fromkeys(key for tables in flat for key in tables):
        values = tuple(tables.get(key, "not set") for tables in flat)
        if len(set(values)) > 1 and key != "data.archive":
            yield key, values


def _flat(tables: Mapping[str, Any], above: str) -> Iterator[tuple[str, str]]:
    for key, value in tables.items():
        if isinstance(value, dict):
            yield from _flat(value, f"{above}{key}.")
        else:
            yield f"{above}{key}", json.dumps(value, ensure_ascii=False)
