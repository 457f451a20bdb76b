"""What a training says while it goes on: how far it is, its losses, how long it will take."""

from __future__ import annotations

import math
import time
from typing import TYPE_CHECKING

import numpy as np

from .sheets import sheet

if TYPE_CHECKING:
    from collections.abc import Sequence

    from storage.workspace import Workspace

    from .logs import Log
    from .state import State

EVERY = 1.0
"""Seconds between two words, at least: each is a request where the archive is an object store."""


class Telling:
    """Tells whoever looks from another process, and writes what was asked for to logs.

    Parameters
    ----------
    state
        Of the training.
    space
        Where it is told.
    logs
        Are written every step's numbers, and every picture.
    """

    def __init__(self, state: State, space: Workspace, logs: Sequence[Log] = ()) -> None:
        self.state, self.space, self.logs = state, space, logs
        self.first = self.logged = state.step
        self.began = time.monotonic()
        self.told_at = -math.inf

    def tell(self) -> None:
        """Say how far the training is; whoever only looks is not told again what was said just now."""
        self._log()
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

    def _log(self) -> None:
        """Write the steps since the last time."""
        for step in range(self.logged + 1, self.state.step + 1) if self.logs else ():
            values = {name: float(curve[step - 1]) for name, curve in self.state.curves.items()}
            known = {name: value for name, value in values.items() if math.isfinite(value)}
            painted = self.state.painted.get(step)
            for log in self.logs:
                log.numbers(step, known)
                if painted is not None:
                    log.picture(step, sheet([painted]))
        self.logged = self.state.step
