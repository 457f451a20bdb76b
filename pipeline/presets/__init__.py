"""Presets: recipes without their data, shipped as TOML files beside this module."""

from __future__ import annotations

import tomllib
from importlib.resources import files
from typing import Any

from pipeline.errors import RecipeError, nearest

_ENDING = ".toml"


def presets() -> tuple[str, ...]:
    """Return the names of all presets, sorted."""
    names = (entry.name for entry in files(__name__).iterdir())
    return tuple(sorted(name.removesuffix(_ENDING) for name in names if name.endswith(_ENDING)))


def preset_text(name: str) -> str:
    """Return a preset as the TOML text it was written in, with the reason of every constant.

    Raises
    ------
    RecipeError
        If there is no such preset; the message names those there are.
    """
    known = presets()
    if name not in known:
        there = ", ".join(known)
        raise RecipeError(f"preset {name!r} does not exist; there are {there}{nearest(name, known)}")
    return (files(__name__) / f"{name}{_ENDING}").read_text("utf-8")


def preset_tables(name: str) -> dict[str, Any]:
    """Return the tables of a preset, as `tomllib` reads them.

    Raises
    ------
    RecipeError
        If there is no such preset.
    """
    return tomllib.loads(preset_text(name))
