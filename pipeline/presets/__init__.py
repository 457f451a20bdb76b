"""Presets: recipes without their data, shipped as TOML files beside this module."""

from __future__ import annotations

import tomllib
from importlib.resources import files
from typing import Any

from pipeline.errors import RecipeError, nearest

_ENDING = ".toml"
_FAITHFUL = ".faithful"


def presets() -> tuple[str, ...]:
    """Return the names of all presets, sorted."""
    return tuple(name for name in _files() if not name.endswith(_FAITHFUL))


def _files() -> list[str]:
    names = (entry.name for entry in files(__name__).iterdir())
    return sorted(name.removesuffix(_ENDING) for name in names if name.endswith(_ENDING))


def preset_text(name: str) -> str:
    """Return a preset as the TOML text it was written in, with the reason of every constant.

    Raises
    ------
    RecipeError
        If there is no such preset; the message names those there are.
    """
    if name not in _files():
        known = presets()
        there = ", ".join(known)
        raise RecipeError(f"preset {name!r} does not exist; there are {there}{nearest(name, known)}")
    return (files(__name__) / f"{name}{_ENDING}").read_text("utf-8")


def faithful_tables(name: str, dataset: object) -> dict[str, Any]:
    """Return what `fidelity = "faithful"` lays over a preset: the quirks of what was published, if any.

    See `preset_tables` for what is left out.
    """
    variant = f"{name}{_FAITHFUL}"
    return preset_tables(variant, dataset) if variant in _files() else {}


def preset_tables(name: str, dataset: object = "nsd") -> dict[str, Any]:
    """Return the tables of a preset, as `tomllib` reads them.

    Parameters
    ----------
    name
        The preset.
    dataset
        Of the recipe. A preset chooses among NSD's data alone; other data sets are left as they are.

    Raises
    ------
    RecipeError
        If there is no such preset.
    """
    tables = tomllib.loads(preset_text(name))
    return tables if dataset == "nsd" else {key: table for key, table in tables.items() if key != "data"}
