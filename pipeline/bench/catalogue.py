"""The scenarios and workloads by name, and measurements on disk."""

from __future__ import annotations

import importlib
import json
from typing import TYPE_CHECKING, Any

from pydantic import ValidationError

from storage.writing import writing

from ..errors import RecipeError
from .form import Measurement
from .measure import FORMAT
from .page import of_comparison, of_measurement
from .plot import svg
from .sections import markdown

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from .comparison import Comparison
    from .scenario import Scenario
    from .workload import Workload

#: What is measured beside plain references on one machine: `package.module:function`; True makes it quick.
SCENARIOS = {
    "ingest": "pipeline.bench.ingest.scenario:sized",
    "ridge": "pipeline.bench.ridge.scenario:ridge",
    "generate": "pipeline.bench.generate.scenario:sized",
    "resilience": "pipeline.bench.resilience.scenario:sized",
}
#: What is run on a cluster: `package.module:function` of one of `workloads.SIZES` and of changed numbers.
WORKLOADS = {
    "ingest": "pipeline.bench.workloads:ingest",
    "ridge": "pipeline.bench.workloads:ridge",
    "generate": "pipeline.bench.workloads:generate",
    "whole": "pipeline.bench.workloads:whole",
    "resilience": "pipeline.bench.workloads:resilience",
}


def scenario(name: str, *, quick: bool = False) -> Scenario:
    """Return a scenario of `SCENARIOS`; the quick one only shows that it works."""
    found: Scenario = _named(SCENARIOS[name])(quick=quick)
    return found


def workload(name: str, size: str, changes: Mapping[str, Any]) -> Workload:
    """Return a workload of `WORKLOADS`, with some of its numbers changed."""
    found: Workload = _named(WORKLOADS[name])(size, changes)
    return found


def _named(place: str) -> Any:
    module, _, function = place.partition(":")
    return getattr(importlib.import_module(module), function)


def insist_writable(folder: Path) -> None:
    """Make a folder and see that files can be written there, before hours are spent on what they will hold.

    Raises
    ------
    Denied, Missing, NotWritten
        If not.
    """
    trial = folder / ".vox2pix-bench"
    with writing(str(folder)):
        folder.mkdir(parents=True, exist_ok=True)
        trial.touch()
        trial.unlink()


def report_of(name: str, folder: Path) -> Path:
    """Return where dask's performance report of a measurement lies."""
    return folder / f"{name}-dask.html"


def save(result: Mapping[str, Any], folder: Path) -> None:
    """Write a measurement as JSON, Markdown and SVG, named after its scenario."""
    _write(
        folder, result["scenario"], {"json": json.dumps(result, indent=1) + "\n"}
    )  # all else is made of it
    _write(folder, result["scenario"], {"md": markdown(result), "svg": svg(result) + "\n"})


def save_page(result: Mapping[str, Any], folder: Path) -> Path:
    """Write a measurement's HTML page beside its JSON and dask's performance report; return its place."""
    name = result["scenario"]
    report = report_of(name, folder)
    page = of_measurement(result, report.name if "cluster" in result and report.exists() else "")
    _write(folder, name, {"html": page})
    return folder / f"{name}.html"


def save_comparison(found: Comparison, folder: Path) -> Path:
    """Write a comparison as Markdown and HTML; return the page."""
    name = f"{found.scenario}-compared"
    _write(folder, name, {"md": found.markdown(), "html": of_comparison(found)})
    return folder / f"{name}.html"


def _write(folder: Path, name: str, files: Mapping[str, str]) -> None:
    for ending, text in files.items():
        path = folder / f"{name}.{ending}"
        with writing(str(path)):
            folder.mkdir(parents=True, exist_ok=True)
            path.write_text(text, "utf-8")


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
        If there is none, or one of another format.
    """
    try:
        found: dict[str, Any] = json.loads(path.read_text("utf-8"))
        form = found["format"]
        if form == FORMAT:
            Measurement.model_validate(found)
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise RecipeError(
            f"{path} is no measurement of vox2pix bench ({_said(error)}); name its JSON, or measure again"
        ) from None
    if form != FORMAT:
        raise RecipeError(
            f"{path} is a measurement of format {form!r}, this vox2pix reads format {FORMAT}; measure again"
        )
    return found


def _said(error: Exception) -> str:
    if isinstance(error, ValidationError):
        first = error.errors()[0]
        return f"{'.'.join(map(str, first['loc']))}: {first['msg'].removeprefix('Value error, ')}"
    if isinstance(error, OSError):
        return error.strerror or str(error)
    return f"it lacks {error}" if isinstance(error, KeyError) else str(error)
