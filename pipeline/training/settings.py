"""How to train: the numbers a recipe gives."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Literal


@dataclass(frozen=True)
class Settings:
    """How to train.

    Parameters
    ----------
    steps, batch
        Updates, and examples in each, over all processes.
    learning_rate
        Of AdamW.
    decay
        How the learning rate goes: as a half cosine to 0, or not at all.
    ema
        Decay of the average of the weights that is kept; 0 keeps the last ones.
    weight_decay
        Of AdamW.
    precision
        "float32", or "bfloat16" where weights stay float32 and products are taken in bfloat16.
    validation
        Share of the training pictures that is not learned from, for the curve `val_loss` alone.
    seed
        Of everything drawn.
    """

    steps: int
    batch: int
    learning_rate: float
    decay: Literal["cosine", "none"] = "cosine"
    ema: float = 0.0
    weight_decay: float = 0.01
    precision: Literal["float32", "bfloat16"] = "float32"
    validation: float = 0.1
    seed: int = 0

    def rate(self, step: int) -> float:
        """Return the learning rate of a step, from 0."""
        if self.decay == "none":
            return self.learning_rate
        return self.learning_rate * 0.5 * (1 + math.cos(math.pi * step / self.steps))
