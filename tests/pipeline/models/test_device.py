"""The device: what a task was placed for; where that is open, the fastest that torch finds."""

from __future__ import annotations

import pytest
import torch

from cluster import Seat
from pipeline.device import ANY, CPU, Device, use
from pipeline.models.device import device, placed_on
from pipeline.training.group import accelerated


@pytest.mark.parametrize(
    ("nvidia", "apple", "expected"),
    [(True, False, "cuda"), (True, True, "cuda"), (False, True, "mps"), (False, False, "cpu")],
)
def test_the_fastest_that_is_there(monkeypatch, nvidia, apple, expected):
    monkeypatch.setattr(torch.cuda, "is_available", lambda: nvidia)
    monkeypatch.setattr(torch.backends.mps, "is_available", lambda: apple)
    assert device() == expected


@pytest.mark.parametrize(
    ("placed", "found", "expected"),
    [
        (ANY, "cuda", "cuda"),
        (ANY, "mps", "mps"),
        (ANY, "cpu", "cpu"),
        (CPU, "cuda", "cpu"),  # also on a worker that has a GPU, as after one has failed
        (CPU, "mps", "cpu"),
        (Device("torch:cpu", "stands for a GPU"), "cuda", "cpu"),
        (Device("torch:cuda", "a card"), "cuda", "cuda"),
        (Device("cupy", "a card"), "cuda", "cuda"),
        (Device("cupy", "a card, and a torch without CUDA"), "cpu", "cpu"),
    ],
)
def test_networks_are_computed_where_their_task_was_placed(placed, found, expected):
    assert placed_on(placed, lambda: found) == expected


def test_a_training_that_was_placed_on_the_cpu_stays_there(monkeypatch):
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    with use(CPU), accelerated(Seat()) as accelerator:
        assert accelerator.device.type == "cpu"
