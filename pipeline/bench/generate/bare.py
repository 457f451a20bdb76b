"""The bare loops of `pipeline.training.bare`, over the same networks and data as a run has."""

from __future__ import annotations

import multiprocessing
import time
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any

import numpy as np

from ...diffusion.process import PROCESSES
from ...stages.learned import Learned
from ...training import bare
from ...training.settings import Settings
from .problem import LEARNER, PAINTED, PAINTER, Problem

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from multiprocessing.connection import Connection

    from ..work import Work


def warmed(problem: Problem) -> None:
    """Have torch and diffusers load and torch choose its routines, forth and back: no contender's time."""
    step = problem.step(f"model/{LEARNER}")
    PROCESSES[step.settings["model"]].scheduler("ddim", 1)
    bare.network_of(step.settings["model"], _described(problem), batch=step.settings["batch"])


def _described(problem: Problem) -> dict[str, Any]:
    described: dict[str, Any] = problem.step(f"model/{LEARNER}").dataset.attrs["training"]["network"]
    return described


def encoded(folder: str) -> Work:
    """Resize and encode a batch at a time, all in memory."""
    problem = Problem.of(folder)
    encoders = problem.encoders()
    stimuli = problem.opened("stimuli").picture.values

    def work() -> Mapping[str, Any]:
        """Encode, in a thread as a run's task is."""
        began = time.process_time()
        with ThreadPoolExecutor(1) as pool:
            made = [pool.submit(bare.encoded, stimuli, *each).result() for each in encoders.values()]
        return {"pictures": sum(map(len, made)) / (time.process_time() - began)}

    return work


def painted(folder: str) -> Work:
    """Paint a batch at a time."""
    paint, count = _painting(folder), _count(folder)

    def work() -> Mapping[str, Any]:
        """Paint."""
        began = time.process_time()
        paint()
        return {"pictures": count / (time.process_time() - began)}

    return work


def painted_by(folder: str, processes: int) -> Work:
    """Paint in so many processes at once, in each an equal part, as far as can be."""
    count, context = _count(folder), multiprocessing.get_context("spawn")
    started = []
    for part in range(processes):
        here, there = context.Pipe()
        process = context.Process(target=_paint_part, args=(there, folder, part, processes), daemon=True)
        process.start()
        started.append((process, here))
    for _, pipe in started:
        pipe.recv()

    def work() -> Mapping[str, Any]:
        """Let all begin, and wait for the last."""
        began = time.perf_counter()
        for _, pipe in started:
            pipe.send("begin")
        for _, pipe in started:
            pipe.recv()
        seconds = time.perf_counter() - began

        def closed() -> bool:
            """Wait for the processes to end; it is called when all figures are taken."""
            for process, _ in started:
                process.join()
            return True

        return {"per_second": count / seconds, "closed": closed}

    return work


def _paint_part(pipe: Connection, folder: str, part: int, parts: int) -> None:
    """Make ready, wait for the word, paint."""
    paint = _painting(folder, part, parts)
    pipe.send("ready")
    pipe.recv()
    paint()
    pipe.send("done")


def _painting(folder: str, part: int = 0, parts: int = 1) -> Callable[[], None]:
    """Return a function that paints a part of what is to be painted."""
    problem = Problem.of(folder)
    asked = problem.step(f"images/{PAINTED}").settings
    told = problem.opened("predictions/pca").predicted.values.astype(np.float32)
    conditions = np.array_split(told.repeat(asked["samples"], axis=0), parts)[part]
    weights = problem.opened(f"model/{PAINTER}").encoding["files"] / "model.safetensors"
    network = bare.network_of(asked["generator"], _described(problem), weights, batch=asked["batch"])
    process = PROCESSES[asked["generator"]]
    process.scheduler("ddim", 1)  # diffusers is loaded by now, as it is in a worker that has painted

    def paint() -> None:
        bare.painted(network, process, conditions, asked["steps"], asked["batch"])

    return paint


def _count(folder: str) -> int:
    """Return how many pictures are to be painted."""
    problem = Problem.of(folder)
    samples: int = problem.step(f"images/{PAINTED}").settings["samples"]
    return samples * int(problem.opened("predictions/pca").sizes["row"])


def trained(folder: str) -> Work:
    """Train step by step."""
    problem = Problem.of(folder)
    step = problem.step(f"model/{LEARNER}")
    given = {name: problem.opened(one.product) for name, one in step.inputs.items()}
    stimuli, responses, asked = given.pop("stimuli"), given.pop("responses"), step.settings
    examples = Learned(stimuli, responses, given, asked["size"], voxels=False).read()
    warmed(problem)
    network = bare.network_of(asked["model"], _described(problem))
    settings = Settings(asked["steps"], asked["batch"], asked["learning_rate"], ema=asked["ema"])
    learn = bare.learning(network, PROCESSES[asked["model"]], examples, settings, asked["dropout"])

    def steps() -> None:
        for _ in range(settings.steps):
            learn()

    def work() -> Mapping[str, Any]:
        """Take all steps, in a thread as a run's task is: it uses nothing that the main one has let go of."""
        began = time.process_time()
        with ThreadPoolExecutor(1) as pool:
            pool.submit(steps).result()
        return {"steps": settings.steps / (time.process_time() - began)}

    return work
