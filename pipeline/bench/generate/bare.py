"""The bare loops of `pipeline.training.bare`, over the same networks and data as a run has."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any

import numpy as np

from ...diffusion.process import PROCESSES
from ...stages.learned import Learned
from ...training import bare
from ...training.settings import Settings
from .problem import LEARNER, PAINTED, PAINTER, Problem

if TYPE_CHECKING:
    from collections.abc import Mapping

    from ..work import Work


def warmed(problem: Problem) -> None:
    """Have torch load and choose its routines, forth and back: no contender's time."""
    step = problem.step(f"model/{LEARNER}")
    bare.network_of(step.settings["model"], _described(problem), batch=step.settings["batch"])


def _described(problem: Problem) -> dict[str, Any]:
    described: dict[str, Any] = problem.step(f"model/{LEARNER}").dataset.attrs["training"]["network"]
    return described


def painted(folder: str) -> Work:
    """Paint a batch at a time."""
    problem = Problem.of(folder)
    asked = problem.step(f"images/{PAINTED}").settings
    told = problem.opened("predictions/pca").predicted.values.astype(np.float32)
    conditions = told.repeat(asked["samples"], axis=0)
    weights = problem.opened(f"model/{PAINTER}").encoding["files"] / "model.safetensors"
    network = bare.network_of(asked["generator"], _described(problem), weights, batch=asked["batch"])
    process = PROCESSES[asked["generator"]]

    def work() -> Mapping[str, Any]:
        """Paint."""
        began = time.process_time()
        made = bare.painted(network, process, conditions, asked["steps"], asked["batch"])
        return {"pictures": len(made) / (time.process_time() - began)}

    return work


def trained(folder: str) -> Work:
    """Train step by step."""
    problem = Problem.of(folder)
    step = problem.step(f"model/{LEARNER}")
    given = {name: problem.opened(one.product) for name, one in step.inputs.items()}
    stimuli, responses, asked = given.pop("stimuli"), given.pop("responses"), step.settings
    examples = Learned(stimuli, responses, given, asked["size"], voxels=False).read()
    network = bare.network_of(asked["model"], _described(problem), batch=asked["batch"])
    settings = Settings(asked["steps"], asked["batch"], asked["learning_rate"], ema=asked["ema"])
    learn = bare.learning(network, PROCESSES[asked["model"]], examples, settings, asked["dropout"])

    def work() -> Mapping[str, Any]:
        """Take all steps."""
        began = time.process_time()
        for _ in range(settings.steps):
            learn()
        return {"steps": settings.steps / (time.process_time() - began)}

    return work
