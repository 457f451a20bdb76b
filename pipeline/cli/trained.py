"""How far a training is, in words."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping

#: A training that has said nothing for so many seconds may have been stopped.
SILENT = 60.0


def told(progress: Mapping[str, Any], now: float | None = None) -> str:
    """Return how far a training says it is, and since when it is silent.

    Parameters
    ----------
    progress
        What `storage.workspace.Workspace.told` returns.
    now
        Seconds since 1970; default now.

    >>> said = {"step": 300, "steps": 1300, "loss": 0.0312, "val_loss": None, "seconds_left": 130, "at": 0.0}
    >>> told(said, now=2.0)
    'step 300 of 1300, loss 0.0312, 2:10 left'
    >>> told({**said, "val_loss": 0.05}, now=400.0)
    'step 300 of 1300, loss 0.0312, validation 0.05, silent for 6:40'
    """
    parts = [f"step {progress['step']} of {progress['steps']}"]
    named = {"loss": "loss", "validation": "val_loss"}
    parts += [f"{name} {progress[key]:.3g}" for name, key in named.items() if progress[key] is not None]
    silent = (time.time() if now is None else now) - progress["at"]
    left = f"{clock(progress['seconds_left'])} left"
    return ", ".join([*parts, left if silent < SILENT else f"silent for {clock(silent)}"])


def clock(seconds: float) -> str:
    """Return minutes and seconds.

    >>> clock(130.2)
    '2:10'
    """
    whole = round(seconds)
    return f"{whole // 60}:{whole % 60:02}"
