"""`benchmarks.gpu` runs with numpy and torch alone, checks every kernel, and finds a wrong one."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest
import torch

from pipeline import ridge
from pipeline.ridge.kernels import Kernels, on_torch

ROOT = Path(__file__).parents[2]
BARE = """
import re, runpy, sys
from importlib.metadata import requires

needed = [each for each in requires("torch") if "extra ==" not in each]
of_torch = {re.match(r"[\\w-]+", each)[0].replace("-", "_").lower() for each in needed}
of_torch |= {"torchgen", "functorch", "mpmath", "markupsafe"}
there = {*sys.stdlib_module_names, *of_torch, "numpy", "torch", "cupy", "benchmarks", "pipeline"} - {"scipy"}

class Bare:
    def find_spec(self, name, path=None, target=None):
        if name.partition(".")[0] not in there:
            raise ModuleNotFoundError(f"a bare machine has no {name}", name=name)

sys.meta_path.insert(0, Bare())
sys.argv = ["gpu", *sys.argv[1:]]
runpy.run_module("benchmarks.gpu", run_name="__main__", alter_sys=True)
"""


def run_bare(*options):
    command = [sys.executable, "-c", BARE, *options]
    return subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False, timeout=300)


@pytest.fixture(scope="module")
def found(tmp_path_factory):
    out = tmp_path_factory.mktemp("gpu") / "gpu.json"
    done = run_bare("--cpu", "--out", str(out))
    assert done.returncode == 0, done.stderr
    return json.loads(out.read_text())


def test_a_bare_machine_needs_numpy_and_torch_alone(found):
    assert [each["name"] for each in found["devices"]] == ["torch:cpu"]  # numpy's kernels need scipy
    assert found["devices"][0]["model"]
    assert found["right"]


def test_every_kernel_is_checked_in_both_dtypes(found):
    kernels = {name for name in vars(Kernels) if not name.startswith("_")} - {"accumulator"}
    for dtype in ("float32", "float64"):
        checked = {each["kernel"] for each in found["checks"] if each["dtype"] == dtype and each["holds"]}
        assert kernels <= checked
        assert {"ridge_regression", "ridge_by_spectrum"} <= checked


def test_rates_stand_beside_what_bounds_them(found):
    assert len(found["rates"]) == 4
    assert all(each["rate"] > 0 and each["of"] > 0 for each in found["rates"])


@pytest.mark.skipif(torch.cuda.is_available(), reason="there is a GPU")
def test_without_a_gpu_it_says_so_and_ends():
    done = run_bare()
    assert done.returncode == 4
    assert done.stderr.startswith("No GPU found (cupy: ")
    assert done.stderr.count("\n") == 1
    assert not done.stdout


def test_products_of_ten_bits_are_found_out(monkeypatch):
    """What TF32 does to a Gram matrix."""
    monkeypatch.syspath_prepend(ROOT)
    from benchmarks.gpu_checks import checks

    exact = on_torch.rank_k_update

    def with_ten_bits(accumulator, block):
        exact(accumulator, block.half().to(block.dtype))

    monkeypatch.setattr(on_torch, "rank_k_update", with_ten_bits)
    wrong = {each["kernel"] for each in checks(ridge.accelerator("torch:cpu")) if not each["holds"]}
    assert {"rank_k_update", "ridge_regression"} <= wrong
    assert "product_update" not in wrong
