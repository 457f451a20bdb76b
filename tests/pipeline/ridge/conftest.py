from __future__ import annotations

import sys
from typing import Any

import array_api_strict
import numpy as np
import pytest
import torch


class Library:
    """An array library and a device of it: where tests put arrays, and how they get them back."""

    def __init__(self, name: str) -> None:
        self.name = name

    def put(self, values: Any) -> Any:
        if self.name == "numpy":
            return np.asarray(values)
        if self.name.startswith("torch"):
            return torch.asarray(np.asarray(values))
        return array_api_strict.asarray(np.asarray(values), device=array_api_strict.Device("device1"))

    def get(self, array: Any) -> np.ndarray:
        if self.name == "numpy":
            assert type(array) is np.ndarray
            return array
        if self.name.startswith("torch"):
            assert isinstance(array, torch.Tensor)
            return array.numpy()
        assert array.device == array_api_strict.Device("device1")
        return np.asarray(array.to_device(array_api_strict.Device("CPU_DEVICE")))


@pytest.fixture(params=["numpy", "torch", "torch, nothing else installed", "array_api_strict"])
def library(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Library:
    if "nothing else" in request.param:
        monkeypatch.setitem(sys.modules, "array_api_compat", None)
    return Library(request.param)


@pytest.fixture
def random() -> np.random.Generator:
    return np.random.default_rng(0)
