"""Painting under two guides: our generator, and a bare loop over the same networks, tokens and starts."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any

import numpy as np

from ...diffusion import bare
from ...diffusion.versatile import VersatileDiffusion
from .problem import SEED

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from ..work import Work

WEIGHTS = "random"
"""Small networks of the published make: there are no others where this is measured."""


def ours(folder: str, pictures: int, batch: int, side: int, steps: int) -> Work:
    """Paint by the generator, which has painted before and so holds its networks."""
    del folder
    generator = VersatileDiffusion(WEIGHTS, batch, side, steps)
    told, starts, seeds = problem(pictures, side)
    generator.paint({role: one[:batch] for role, one in told.items()}, seeds[:batch], starts[:batch])
    return timed(lambda: generator.paint(told, seeds, starts))


def by_hand(folder: str, pictures: int, batch: int, side: int, steps: int) -> Work:
    """Paint by a bare loop, which has gone round before."""
    del folder
    networks, blank = bare.ready(WEIGHTS, "cpu", "float32")
    told, starts, seeds = problem(pictures, side)

    def loop(count: int) -> np.ndarray:
        some = {role: one[:count] for role, one in told.items()}
        made = bare.painted(networks, blank, some, starts[:count], seeds[:count], batch=batch, steps=steps)
        levels: np.ndarray = made.numpy()
        return levels

    loop(batch)
    return timed(lambda: loop(pictures))


def problem(pictures: int, side: int) -> tuple[dict[str, np.ndarray], np.ndarray, np.ndarray]:
    """Return tokens by role, pictures to start from, and seeds."""
    random = np.random.default_rng(SEED)
    told = {
        role: random.standard_normal((pictures, width), np.float32) / 28  # of length 1 a token of 768
        for role, width in VersatileDiffusion(WEIGHTS).roles.items()
    }
    return told, random.integers(0, 256, (pictures, side, side, 3), np.uint8), np.arange(pictures)


def timed(paint: Callable[[], np.ndarray]) -> Work:
    """Return what paints, and tells how many pictures a CPU second."""

    def work() -> Mapping[str, Any]:
        """Paint."""
        began = time.process_time()
        made = paint()
        seconds = time.process_time() - began
        return {"pictures": len(made) / seconds, "check": f"mean level {made.mean():.0f}"}

    return work
