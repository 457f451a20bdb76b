"""Files of weights: every way they are written in, and what is said of damage, objects and code."""

from __future__ import annotations

import argparse
import os
from pathlib import Path

import pytest
import torch

from pipeline.models.checkpoint import read
from pipeline.models.networks import to_bytes
from pipeline.models.weights import WeightsMissing

WEIGHTS = {"gain": torch.arange(3000.0), "c1.bias": torch.ones(2, 3)}


def saved(path, held, *, zipped=True):
    torch.save(held, path, _use_new_zipfile_serialization=zipped)
    return path


@pytest.mark.parametrize("zipped", [True, False])
@pytest.mark.parametrize("before", ["", "module."])
def test_what_torch_has_written(tmp_path, zipped, before):
    path = saved(
        tmp_path / "weights.th", {before + name: one for name, one in WEIGHTS.items()}, zipped=zipped
    )
    found = read(path)
    assert list(found) == list(WEIGHTS)
    assert all(torch.equal(found[name], one) for name, one in WEIGHTS.items())


def test_safetensors(tmp_path):
    path = tmp_path / "weights.safetensors"
    path.write_bytes(to_bytes(WEIGHTS))
    found = read(path)
    assert all(torch.equal(found[name], one) for name, one in WEIGHTS.items())
    path.write_bytes(to_bytes(WEIGHTS)[:-1])
    with pytest.raises(WeightsMissing, match=r"weights.safetensors is damaged, .*; fetch it again"):
        read(path)


def test_a_file_that_is_not_there(tmp_path):
    with pytest.raises(WeightsMissing, match=r"there is no file .*nowhere.th"):
        read(tmp_path / "nowhere.th")


@pytest.mark.parametrize("zipped", [True, False])
@pytest.mark.parametrize("kept", [0.0, 0.02, 0.5, 0.99])
def test_a_file_cut_short(tmp_path, zipped, kept):
    path = saved(tmp_path / "weights.th", WEIGHTS, zipped=zipped)
    content = path.read_bytes()
    path.write_bytes(content[: int(kept * len(content))])
    with pytest.raises(WeightsMissing, match=r"weights.th is damaged, or no file of torch's; fetch it again"):
        read(path)


@pytest.mark.parametrize("content", [b"hello world", b"<!DOCTYPE html><html></html>", b"\x89PNG\r\n\x1a\n"])
def test_another_file(tmp_path, content):
    path = tmp_path / "weights.pth"
    path.write_bytes(content)
    with pytest.raises(WeightsMissing, match="is damaged, or no file of torch's"):
        read(path)


class _Touch:
    """Makes a file when it is unpickled."""

    def __init__(self, path):
        self.path = path

    def __reduce__(self):
        return Path.touch, (self.path,)


@pytest.mark.parametrize("zipped", [True, False])
def test_code_is_never_executed(tmp_path, zipped):
    path = saved(tmp_path / "weights.th", {"gain": _Touch(tmp_path / "touched")}, zipped=zipped)
    with pytest.raises(
        WeightsMissing, match=r"more than numbers: reading it would call \S+\. Nothing was loaded"
    ):
        read(path)
    assert not (tmp_path / "touched").exists()
    torch.load(path, weights_only=False)
    assert (tmp_path / "touched").exists()  # it would have been


class _Run:
    """Runs a program when it is unpickled: what torch has words of its own for."""

    def __reduce__(self):
        return os.system, ("true",)


def test_programs_are_never_run(tmp_path):
    path = saved(tmp_path / "weights.th", {"gain": _Run()})
    with pytest.raises(WeightsMissing, match=r"reading it would call \w+\.system\. Nothing was loaded"):
        read(path)


def test_objects_are_named(tmp_path):
    path = saved(tmp_path / "weights.pth", {**WEIGHTS, "config": argparse.Namespace(width=3)})
    with pytest.raises(WeightsMissing, match=r"would call argparse.Namespace\. .* such as .safetensors"):
        read(path)


@pytest.mark.parametrize("held", [torch.ones(3), [torch.ones(3)], {"gain": torch.ones(3), "step": 7}])
def test_tensors_without_names(tmp_path, held):
    with pytest.raises(WeightsMissing, match="something else than tensors by name"):
        read(saved(tmp_path / "weights.th", held))
