"""What a training says while it goes on: how far it is, its losses, how long it will take."""

from __future__ import annotations

import math
import time
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from storage.workspace import Workspace

    from .state import State

EVERY = 1.0
"""Seconds between two words, at least: each is a request where the archive is an object store."""


class Telling:
    """Tells whoever looks from another process.

    Parameters
    ----------
    state
        Of the training.
    space
        Where it is told.
    """

    def __init__(self, state: State, space: Workspace) -> None:
        self.state, self.space = state, space
        self.first, self.began = state.step, time.monotonic()
        self.told_at = -math.inf

    def tell(self) -> None:
        """Say how far the training is, unless that was said just now."""
        now, step, steps = time.monotonic(), self.state.step, self.state.steps
        if step < steps and now - self.told_at < EVERY:
            return
        self.told_at = now
        left = (steps - step) * (now - self.began) / max(step - self.first, 1)
        self.space.tell(
            {
                "step": step,
                "steps": steps,
                "loss": self._last("loss"),
                "val_loss": self._last("val_loss"),
                "seconds_left": round(left),
                "at": time.time(),
            }
        )

    def _last(self, name: str) -> float | None:
        """Return the last number of a curve, None where there is none yet."""
        curve = self.state.curves[name][: self.state.step]
        known = np.flatnonzero(np.isfinite(curve))
        return float(curve[known[-1]]) if len(known) else None
