"""Recipes: what is to be done, read from one TOML file and checked once, at the edge."""

from __future__ import annotations

from .document import Recipe
from .load import load_recipe

__all__ = ["Recipe", "load_recipe"]
