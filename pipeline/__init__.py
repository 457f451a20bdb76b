"""What is done: recipes, stages, and the runner that makes what a recipe asks for."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from .decoding import decode
    from .planner import plan
    from .recipe import load_recipe
    from .report.results import open_results
    from .runner import run

__all__ = ["decode", "load_recipe", "open_results", "plan", "run"]

_HOMES = {
    "decode": "decoding",
    "load_recipe": "recipe",
    "open_results": "report.results",
    "plan": "planner",
    "run": "runner",
}


def __getattr__(name: str) -> object:
    """Import on first use, so that `import pipeline` costs nothing."""
    if name in _HOMES:
        from importlib import import_module

        return getattr(import_module(f"{__name__}.{_HOMES[name]}"), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
