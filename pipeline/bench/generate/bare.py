"""The loops that one writes by hand, over the same networks, schedulers and batches, all data in memory."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any

import numpy as np

from ...diffusion.process import PROCESSES
from ...models.networks import build, fill, from_bytes
from ...stages.train import Learned
from .problem import BATCH, DROPOUT, EMA, KIND, LEARNER, PAINTED, PAINTER, RATE, Problem

if TYPE_CHECKING:
    from collections.abc import Mapping

    from torch import Tensor, nn

    from ...training.examples import Examples
    from ..work import Work

CHANNELS = 3


def _network(width: int, side: int) -> nn.Module:
    return build(KIND, {"width": width, "size": side, "channels": CHANNELS})


def warmed(side: int) -> None:
    """Have torch load and choose its routines, forth and back: no contender's time."""
    import torch

    network = _network(4, side)
    noisy = torch.randn(BATCH, CHANNELS, side, side)
    network(noisy, torch.full((BATCH,), 500), torch.randn(BATCH, 4)).square().mean().backward()


def painted(folder: str) -> Work:
    """Paint a batch at a time into a list."""
    import torch

    problem = Problem.of(folder)
    asked = problem.step(f"images/{PAINTED}").settings
    side, steps = asked["painted"], asked["steps"]
    told = problem.opened("predictions/pca").predicted.values
    conditions = torch.from_numpy(told.astype(np.float32).repeat(asked["samples"], axis=0))
    network = _network(conditions.shape[1], side)
    files = problem.opened(f"model/{PAINTER}").encoding["files"]
    fill(network, from_bytes((files / "model.safetensors").read()), str(files))
    network.eval()
    scheduler = PROCESSES[KIND].scheduler("ddim", steps)
    warmed(side)

    def paint(condition: Tensor) -> Tensor:
        scheduler.set_timesteps(steps)
        noisy = torch.randn(len(condition), CHANNELS, side, side)
        for moment in scheduler.timesteps:
            told = network(noisy, moment.expand(len(condition)), condition)
            noisy = scheduler.step(told, moment, noisy, return_dict=False)[0]
        return ((noisy.clamp(-1, 1) + 1) * 127.5).round().byte()

    def work() -> Mapping[str, Any]:
        began = time.process_time()
        with torch.inference_mode():
            made = [paint(part) for part in conditions.split(BATCH)]
        return {"pictures": sum(map(len, made)) / (time.process_time() - began)}

    return work


def trained(folder: str) -> Work:
    """Train: draw, forth, back, a step of AdamW, and the average of the weights."""
    import torch

    problem = Problem.of(folder)
    examples, asked = _examples(problem), problem.step(f"model/{LEARNER}").settings
    side, steps = asked["size"], asked["steps"]
    assert examples.condition is not None
    pictures = torch.from_numpy(examples.pictures).permute(0, 3, 1, 2).float() / 127.5 - 1
    seen, conditions = torch.from_numpy(examples.seen), torch.from_numpy(examples.condition)
    network, process = _network(conditions.shape[1], side), PROCESSES[KIND]
    optimiser = torch.optim.AdamW(network.parameters(), lr=RATE)
    average = [one.detach().clone() for one in network.parameters()]
    warmed(side)

    def step() -> None:
        rows = torch.randint(len(seen), (BATCH,))
        clean, noise = pictures[seen[rows]], torch.randn(BATCH, CHANNELS, side, side)
        moment, dropped = torch.randint(1, 1000, (BATCH,)), torch.rand(BATCH) < DROPOUT
        told = network(process.noisy(clean, noise, moment), moment, conditions[rows], dropped)
        (told - clean).square().mean().backward()
        optimiser.step()
        optimiser.zero_grad()
        with torch.no_grad():
            for kept, now in zip(average, network.parameters(), strict=True):
                kept.lerp_(now, 1 - EMA)

    def work() -> Mapping[str, Any]:
        began = time.process_time()
        for _ in range(steps):
            step()
        return {"steps": steps / (time.process_time() - began)}

    return work


def _examples(problem: Problem) -> Examples:
    step = problem.step(f"model/{LEARNER}")
    given = {name: problem.opened(one.product) for name, one in step.inputs.items()}
    stimuli, responses = given.pop("stimuli"), given.pop("responses")
    return Learned(stimuli, responses, given, step.settings["size"], voxels=False).read()
