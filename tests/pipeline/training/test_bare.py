"""The bare loops do what a run's loops do: they paint the same pictures and learn as well."""

from __future__ import annotations

import numpy as np
import torch

from pipeline.diffusion.process import PROCESSES
from pipeline.diffusion.sample import Manner, paint
from pipeline.training import bare
from pipeline.training.examples import Examples
from pipeline.training.settings import Settings

KIND, SIZES = "conditional-ddpm", {"size": 8, "channels": 1, "width": 3}


def test_it_paints_what_the_sampler_paints(monkeypatch):
    torch.manual_seed(0)
    network = bare.network_of(KIND, SIZES, batch=2)
    conditions = np.random.default_rng(0).normal(size=(5, 3)).astype(np.float32)
    noise = torch.randn(5, 1, 8, 8)
    monkeypatch.setattr("pipeline.diffusion.sample.draw", lambda *_: noise)
    drawn = iter(noise.split(2))
    monkeypatch.setattr(torch, "randn", lambda *_: next(drawn))
    made = bare.painted(network, PROCESSES[KIND], conditions, steps=3, batch=2)
    manner, told = Manner("ddim", 3), torch.from_numpy(conditions)
    ours = paint(network, PROCESSES[KIND], manner, told, range(5), (1, 8, 8))
    levels = ((ours.clamp(-1, 1) + 1) * 127.5).round().byte()
    assert (made.int() - levels.int()).abs().max() <= 1


def test_it_learns():
    chance = np.random.default_rng(0)
    pictures = np.full((16, 8, 8, 1), 200, np.uint8)
    examples = Examples(pictures, np.arange(16), chance.normal(size=(16, 3)).astype(np.float32))
    network, process = bare.network_of(KIND, SIZES), PROCESSES[KIND]
    settings = Settings(60, 8, 3e-3, ema=0.9)
    clean = torch.full((8, 1, 8, 8), 200 / 127.5 - 1)
    noise, time = torch.randn(8, 1, 8, 8), torch.full((8,), 500)

    def error():
        with torch.no_grad():
            told = network(process.noisy(clean, noise, time), time, torch.zeros(8, 3))
            return float((told - clean).square().mean())

    before, learn = error(), bare.learning(network, process, examples, settings, dropout=0.1)
    for _ in range(60):
        learn()
    assert error() < 0.3 * before
