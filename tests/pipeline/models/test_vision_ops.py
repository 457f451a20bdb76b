"""torchvision, and what only probes for it, import beside any build of torch."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from pipeline.models import vision_ops

ROOT = Path(__file__).parents[3]


@pytest.fixture(autouse=True)
def fresh():
    vision_ops.prepare_torchvision.cache_clear()
    yield
    vision_ops.prepare_torchvision.cache_clear()


def run(code: str) -> str:
    # its own process: operators, once declared, stay for a process's whole life
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout


PREPARE = "from pipeline.models.vision_ops import prepare_torchvision; first = prepare_torchvision(); "


def test_torchvision_imports_and_runs_and_a_second_call_does_nothing():
    out = run(
        PREPARE + "import torch, torchvision\n"
        "assert prepare_torchvision() is first\n"
        "assert first is not torchvision.extension._has_ops()\n"
        "net = torchvision.models.alexnet(weights=None).eval()\n"
        "print(tuple(net(torch.zeros(1, 3, 64, 64)).shape))"
    )
    assert out.split() == ["(1,", "1000)"]


def test_libraries_that_probe_for_torchvision_import():
    run(
        PREPARE + "from diffusers import AutoencoderKL, UNet2DConditionModel\n"
        "from transformers import CLIPImageProcessor, CLIPModel\n"
        "from open_clip import create_model"
    )


def test_package_loads_no_torch():
    run("import sys, pipeline.models, pipeline.models.vision_ops; assert 'torch' not in sys.modules")


def test_nothing_is_declared_where_the_extension_loads(monkeypatch):
    monkeypatch.setattr(vision_ops, "_torchvision_folder", lambda: Path("somewhere"))
    monkeypatch.setattr(vision_ops, "_extension_loads", lambda folder: True)
    monkeypatch.setattr(vision_ops, "_declare", lambda names: pytest.fail(f"declared {names}"))
    assert vision_ops.prepare_torchvision() is False


def test_nothing_is_declared_without_torchvision(monkeypatch):
    monkeypatch.setattr(vision_ops, "_torchvision_folder", lambda: None)
    monkeypatch.setattr(vision_ops, "_declare", lambda names: pytest.fail(f"declared {names}"))
    assert vision_ops.prepare_torchvision() is False


def test_an_extension_of_another_build_does_not_load(tmp_path):
    (tmp_path / "_C.so").write_bytes(b"not a library")
    assert vision_ops._extension_loads(tmp_path) is False


def test_an_extension_that_loads_is_left_to_torch(tmp_path, monkeypatch):
    import torch

    loaded = []
    monkeypatch.setattr(torch.ops, "load_library", loaded.append)
    (tmp_path / "_C.so").touch()
    assert vision_ops._extension_loads(tmp_path) is True
    assert loaded == [str(tmp_path / "_C.so")]
