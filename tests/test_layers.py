"""The packages stay light to import, and keep to their layers."""

from __future__ import annotations

import json
import subprocess
import sys
import tomllib
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).parent.parent
PACKAGES = ("pipeline", "storage", "cluster")
HEAVY = ("torch", "distributed", "zarr", "pandas", "xarray", "diffusers", "dask.array")
# the modules of pipeline behind whose door a heavy library may stand
DOORS = {
    "torch": {"models", "features", "diffusion", "training", "metrics"},
    "click": {"cli"},
}
SHAPELESS = {"utils", "util", "helpers", "helper", "common", "misc", "manager", "handler"}


def run(*args: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run([sys.executable, *args], cwd=ROOT, capture_output=True, text=True, check=False)


def heavy_after(statement: str) -> list[str]:
    # also when the statement ends the process, as a command does
    tell = f"lambda: sys.stderr.write(json.dumps([name for name in {HEAVY!r} if name in sys.modules]))"
    done = run("-c", f"import atexit, json, sys; atexit.register({tell}); {statement}")
    assert done.returncode == 0, done.stderr
    return json.loads(done.stderr)


@pytest.mark.parametrize("package", PACKAGES)
def test_import_is_light(package):
    assert heavy_after(f"import {package}") == []


@pytest.mark.parametrize("arguments", [["--help"], ["--version"], ["run", "--help"]])
def test_command_line_is_light(arguments):
    as_program = "runpy.run_module('pipeline.cli', run_name='__main__')"
    assert heavy_after(f"import runpy; sys.argv = {['vox2pix', *arguments]!r}; {as_program}") == []


def test_command_line_runs_as_a_module():
    done = run("-m", "pipeline.cli", "--help")
    assert done.returncode == 0, done.stderr
    assert "vox2pix" in done.stdout


def test_every_file_is_named_after_what_it_holds():
    files = [path for package in PACKAGES for path in (ROOT / package).rglob("*.py")]
    assert files
    assert [path for path in files if path.stem in SHAPELESS] == []


@pytest.fixture
def contracts() -> list[dict[str, Any]]:
    return tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["importlinter"]["contracts"]


def modules_of_pipeline() -> set[str]:
    inside = (ROOT / "pipeline").iterdir()
    return {path.stem for path in inside if path.suffix == ".py" or (path / "__init__.py").exists()}


@pytest.mark.parametrize("library", DOORS)
def test_contracts_name_every_module_outside_a_door(contracts, library):
    (contract,) = (c for c in contracts if library in c.get("forbidden_modules", ()))
    outside = modules_of_pipeline() - DOORS[library] - {"__init__"}
    assert set(contract["source_modules"]) == {"storage", "cluster"} | {f"pipeline.{m}" for m in outside}


def test_contracts_ignore_no_import(contracts):
    assert not any("ignore_imports" in contract for contract in contracts)


def test_layers_hold():
    done = run("-c", "from importlinter.cli import lint_imports_command as lint; lint(['--no-cache'])")
    assert done.returncode == 0, done.stdout + done.stderr
