"""`benchmarks.gpu` runs with numpy and torch alone, checks every kernel, and finds a wrong one."""

from __future__ import annotations

import json
import subprocess
import sys
from functools import partial
from pathlib import Path
from types import ModuleType, SimpleNamespace

import numpy as np
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
        assert {"ridge_regression", "ridge_by_spectrum", "ridge_in_the_primal", "weights"} <= checked
        assert {"alphas_by_gcv", "alphas_by_rows_left_out", "alphas_by_retrieval"} <= checked


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


def test_painting_says_which_wheels_it_lacks():
    done = run_bare("--generate", "--cpu")
    assert done.returncode == 4
    assert " is missing; carry the wheels of: pip download --dest wheels 'diffusers==" in done.stderr
    assert not done.stdout


@pytest.mark.slow
def test_small_pictures_are_painted_beside_a_bare_loop(tmp_path):
    out = tmp_path / "gpu.json"
    command = [sys.executable, "-m", "benchmarks.gpu", "--generate", "--cpu", "--out", str(out)]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False, timeout=280)
    assert done.returncode == 0, done.stderr
    found = json.loads(out.read_text())
    assert found["right"]
    assert {each["dtype"] for each in found["checks"]} == {"float32", "float16"}
    assert len(found["checks"]) == 6
    (rate,) = found["rates"]
    assert rate["rate"] > 0
    assert rate["told beforehand"] > 0


class LikeCupy(ModuleType):
    """numpy by what CuPy has: without the names of the array API standard, and without choice of a device."""

    LACKING = frozenset({"astype", "concat", "matrix_transpose", "permute_dims", "unstack", "isdtype"})
    OF_LINALG = frozenset({"cholesky", "eigh", "inv", "norm", "qr", "solve", "svd"})
    MADE = frozenset({"array", "asarray", "empty", "eye", "zeros"})

    def __getattr__(self, name):
        if name in self.LACKING or name.startswith("__"):
            raise AttributeError(f"cupy has no {name}")
        found = getattr(np, name)
        return partial(self._made, found) if name in self.MADE else found

    @staticmethod
    def _made(function, *args, **options):
        assert not {"device", "copy"} & options.keys()
        return function(*args, **options)

    linalg = SimpleNamespace(**{name: getattr(np.linalg, name) for name in OF_LINALG})
    asnumpy = staticmethod(np.asarray)


@pytest.fixture
def like_cupy(monkeypatch):
    """Let the ridge take every array for one of CuPy's, on a machine that has nothing else."""
    import scipy.linalg

    monkeypatch.syspath_prepend(ROOT)
    from benchmarks import gpu_checks
    from pipeline.ridge.bare import BareCupy
    from pipeline.ridge.kernels import on_cupy

    monkeypatch.setitem(sys.modules, "cupy", LikeCupy("cupy"))
    for name in ("cupyx", "cupyx.scipy"):
        monkeypatch.setitem(sys.modules, name, ModuleType(name))
    monkeypatch.setitem(sys.modules, "cupyx.scipy.linalg", scipy.linalg)
    bare = BareCupy(LikeCupy("cupy"))
    of_ridge = [module for name, module in sys.modules.items() if name.startswith("pipeline.ridge")]
    for module in (*of_ridge, gpu_checks):
        for name, given in (("namespace_of", bare), ("kernels_for", on_cupy)):
            if hasattr(module, name):
                monkeypatch.setattr(module, name, lambda _array, given=given: given)
    on_cupy._checked.cache_clear()
    yield gpu_checks.checks
    on_cupy._checked.cache_clear()


def test_what_the_ridge_calls_is_there_under_the_names_of_cupy(like_cupy):
    """No GPU computes here: it shows that nothing is asked of CuPy that it has not."""
    found = list(like_cupy(ridge.CPU))
    assert not [each for each in found if not each["holds"]]
    assert {"inverse", "eigh", "alphas_by_rows_left_out", "weights"} <= {each["kernel"] for each in found}


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
