"""The scenarios by name, and measurements on disk."""

from __future__ import annotations

import importlib
import json
from typing import TYPE_CHECKING, Any

from storage.writing import writing

from ..errors import RecipeError
from .plot import svg
from .table import markdown

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from .scenario import Scenario

#: `package.module:function` by name; True makes it quick.
SCENARIOS = {
    "ingest": "pipeline.bench.ingest.scenario:sized",
    "generate": "pipeline.bench.generate.scenario:sized",
}


def scenario(name: str, *, quick: bool = False) -> Scenario:
    """Return a scenario of `SCENARIOS`; the quick one only shows that it works."""
    module, _, function = SCENARIOS[name].partition(":")
    found: Scenario = getattr(importlib.import_module(module), function)(quick=quick)
    return found


def save(result: Mapping[str, Any], folder: Path) -> None:
    """Write a measurement as JSON, Markdown and SVG, named after its scenario."""
    files = {"json": json.dumps(result, indent=1) + "\n", "md": markdown(result), "svg": svg(result) + "\n"}
    for ending, text in files.items():
        path = folder / f"{result['scenario']}.{ending}"
        with writing(str(path)):
            folder.mkdir(parents=True, exist_ok=True)
            path.write_text(text)


def joined(before: Mapping[str, Any], result: Mapping[str, Any]) -> dict[str, Any]:
    """Return a measurement with those cases of an earlier one of the same scenario that it lacks.

    Each case says itself when, at which commit and under which load it was measured; of those that do not, it
    is said of all of them.
    """
    told = {key: before[key] for key in ("commit", "began", "seconds", "load")}
    new = {case["name"] for case in result["cases"]}
    kept = [{**told, **case} for case in before["cases"] if case["name"] not in new]
    return {
        **result,
        "software": {**before["software"], **result["software"]},
        "cases": [*kept, *result["cases"]],
    }


def load(path: Path) -> dict[str, Any]:
    """Read a measurement.

    Raises
    ------
    RecipeError
        If there is none.
    """
    try:
        found: dict[str, Any] = json.loads(path.read_text())
        _ = found["scenario"], found["cases"]
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise RecipeError(f"{path} is no measurement of vox2pix bench ({error}); name its JSON") from None
    return found
