"""What pictures that are kept back show of a training: their loss, and what is painted of their conditions.

They are training pictures that are not learned from. They choose nothing.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from ..diffusion.generators import as_levels
from .chance import generator, number

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from numpy.typing import NDArray
    from torch import Tensor, nn

    from .examples import Examples
    from .objectives import Objective
    from .settings import Settings

    Moved = Callable[[Mapping[str, Tensor]], dict[str, Tensor]]

VALIDATIONS = 50
"""Losses a training, at most."""
APART = 50
"""Steps between two losses, at least."""
LOOKED_AT = 40
"""So many pictures are learned from for each whose loss is taken: of a large data set, all that are kept back
would cost as much as the training."""
SHOWN = 6
"""Pictures painted each time."""
SHARES = (1 / 8, 1 / 4, 1 / 2, 1.0)
"""Of a training, at whose end pictures are painted."""


def interval(steps: int) -> int:
    """Return the steps between two losses of a training."""
    return max(APART, steps // VALIDATIONS)


def due(step: int, steps: int) -> bool:
    """Tell whether the loss is taken after so many steps of a training."""
    return step == steps or step % interval(steps) == 0


def painted_after(steps: int) -> list[int]:
    """Return the steps after which pictures are painted; of a short training only the later ones.

    >>> painted_after(1300), painted_after(60)
    ([162, 325, 650, 1300], [60])
    """
    moments = [int(share * steps) for share in SHARES]
    return [step for step in moments if step >= APART or step == steps]


def rows_kept_back(examples: Examples, kept_back: NDArray[np.bool_]) -> NDArray[np.int64]:
    """Return rows of different pictures among those kept back, for painting: at most `SHOWN`."""
    rows = np.flatnonzero(kept_back)
    _, first = np.unique(examples.seen[rows], return_index=True)
    found: NDArray[np.int64] = rows[np.sort(first)[:SHOWN]]
    return found


def painted_seeds(seed: int, count: int) -> list[int]:
    """Return the seeds of the noise that so many pictures are painted from, whenever they are."""
    return [number(seed, "painted", at) for at in range(count)]


@dataclass(frozen=True)
class Validation:
    """The pictures kept back of one training.

    Parameters
    ----------
    examples, objective, settings
        Of the training.
    kept_back
        (row,) bool.
    moved
        Brings a batch to the device.
    """

    examples: Examples
    objective: Objective
    settings: Settings
    kept_back: NDArray[np.bool_]
    moved: Moved

    def loss(self, network: nn.Module) -> float:
        """Return the mean loss over some of them, always the same ones and noise; NaN of none."""
        import torch

        learned_from = interval(self.settings.steps) * self.settings.batch
        rows = np.flatnonzero(self.kept_back)[: max(1, learned_from // LOOKED_AT)]
        total = 0.0
        for start in range(0, len(rows), self.settings.batch):
            batch = self.examples.batch(rows[start : start + self.settings.batch])
            batch |= self.objective.draw(batch, generator(self.settings.seed, "validation", start))
            with torch.no_grad():
                loss = self.objective.loss(network, self.moved(batch))
            total += float(loss) * len(batch["picture"])
        return total / len(rows) if len(rows) else math.nan

    def painted(self, network: nn.Module) -> NDArray[np.uint8] | None:
        """Return what is painted of a few (picture, y, x, channel), from the same noise every time."""
        rows = rows_kept_back(self.examples, self.kept_back)
        if not len(rows):
            return None
        seeds = painted_seeds(self.settings.seed, len(rows))
        return as_levels(self.objective.show(network, self.moved(self.examples.batch(rows)), seeds))
