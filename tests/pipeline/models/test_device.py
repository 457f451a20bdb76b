"""The device: the fastest that torch finds."""

from __future__ import annotations

import pytest
import torch

from pipeline.models.device import device


@pytest.mark.parametrize(
    ("nvidia", "apple", "expected"),
    [(True, False, "cuda"), (True, True, "cuda"), (False, True, "mps"), (False, False, "cpu")],
)
def test_the_fastest_that_is_there(monkeypatch, nvidia, apple, expected):
    monkeypatch.setattr(torch.cuda, "is_available", lambda: nvidia)
    monkeypatch.setattr(torch.backends.mps, "is_available", lambda: apple)
    assert device() == expected
