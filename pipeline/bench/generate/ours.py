"""Encoding, painting and training as a run does them: from sealed products to a sealed product."""

from __future__ import annotations

import time
from contextlib import ExitStack
from typing import TYPE_CHECKING, Any

from ...training.group import accelerated
from .bare import warmed
from .problem import ENCODED, LEARNER, PAINTED, WARM, Problem

if TYPE_CHECKING:
    from collections.abc import Mapping

    from cluster import ClusterConfig, Workers

    from ...step import Step
    from ..work import Work

MEMORY = "3GB"
"""A worker's."""


def painted(folder: str) -> Work:
    """Paint by one worker, a thread of this process."""
    from cluster import Threads

    stack = ExitStack()
    problem, step, workers = _warmed(stack, folder, Threads(workers=1))

    def work() -> Mapping[str, Any]:
        """Paint, store and seal."""
        began = time.process_time()
        problem.make(step, workers)
        seconds = time.process_time() - began
        stack.close()
        return {"pictures": _count(problem) / seconds}

    return work


def painted_by(folder: str, workers: int) -> Work:
    """Paint by so many worker processes."""
    from cluster import Local

    stack = ExitStack()
    problem, step, connected = _warmed(stack, folder, Local(workers=workers, threads=1, memory=MEMORY))

    def work() -> Mapping[str, Any]:
        """Paint, store and seal."""
        began = time.perf_counter()
        problem.make(step, connected)
        seconds = time.perf_counter() - began

        def closed() -> bool:
            """End the workers; it is called when all figures are taken."""
            stack.close()
            return True

        return {"per_second": _count(problem) / seconds, "closed": closed}

    return work


def _warmed(stack: ExitStack, folder: str, config: ClusterConfig) -> tuple[Problem, Step, Workers]:
    """Return what is to be painted, and workers that have painted something already, until the stack ends."""
    from cluster import connect

    problem, workers = Problem.of(folder), stack.enter_context(connect(config))
    problem.remove(f"images/{WARM}")
    problem.make(problem.step(f"images/{WARM}"), workers)
    return problem, problem.remove(f"images/{PAINTED}"), workers


def _count(problem: Problem) -> int:
    sizes = problem.opened(f"images/{PAINTED}").sizes
    return int(sizes["row"] * sizes["sample"])


def encoded(folder: str) -> Work:
    """Encode all pictures in each space, by one worker, a thread of this process."""
    from cluster import Threads, connect

    problem, stack = Problem.of(folder), ExitStack()
    workers = stack.enter_context(connect(Threads(workers=1)))
    problem.encoders()
    problem.make(problem.remove("features/pca"), workers)  # what a run needs once is there by now
    steps = [problem.remove(f"features/{space}") for space in ENCODED]
    _ = [step.cost for step in steps]  # layers are laid out to tell their memory: that is part of a plan

    def work() -> Mapping[str, Any]:
        """Read, resize, encode, store and seal."""
        began = time.process_time()
        for step in steps:
            problem.make(step, workers)
        seconds = time.process_time() - began
        stack.close()
        return {"pictures": sum(step.dataset.sizes["image"] for step in steps) / seconds}

    return work


def trained(folder: str) -> Work:
    """Train, with checkpoints, validation, pictures on the way, and weights in the archive at the end."""
    from cluster import Seat, Threads, connect

    problem, stack = Problem.of(folder), ExitStack()
    workers = stack.enter_context(connect(Threads(workers=1)))
    step = problem.remove(f"model/{LEARNER}")
    warmed(problem)
    with accelerated(Seat()):
        pass  # accelerate is loaded by now, as torch is

    def work() -> Mapping[str, Any]:
        """Train and seal."""
        began = time.process_time()
        problem.make(step, workers)
        seconds = time.process_time() - began
        stack.close()
        return {"steps": step.settings["steps"] / seconds}

    return work
