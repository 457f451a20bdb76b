"""A network of one hidden layer, learned in mini-batches from rows that come a chunk at a time.

"Decrypting the Brain", a course project on Brain-Diffuser, used it in Keras where the ridge did not fit into
memory: 1000 rows, ten times over, then the next 1000, once through, so that what comes late is learned best.
It is here to be compared with. Plain numpy: two matrix products a layer, and Adam (Kingma and Ba 2015) as in
Keras.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, TypeAlias

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    Floats: TypeAlias = NDArray[np.float32]

UNITS = 64
"""Hidden units, as published; so are `CHUNK` and `EPOCHS`."""
CHUNK = 1000
"""Rows learned from before the next are looked at."""
EPOCHS = 10
"""Times that a chunk is gone through."""
BATCH = 32
"""Rows a step of Adam; Keras's default, as are the four below."""
RATE, DECAY, SQUARE_DECAY, EPSILON = 1e-3, 0.9, 0.999, 1e-7


def _glorot(random: np.random.Generator, rows: int, columns: int) -> Floats:
    """Return uniform first weights that keep the spread of signals (Glorot and Bengio 2010)."""
    limit = math.sqrt(6 / (rows + columns))
    return random.uniform(-limit, limit, (rows, columns)).astype(np.float32)


@dataclass
class Adam:
    """Running moments of gradients, and the steps that follow from them."""

    parameters: Sequence[Floats]
    """Changed in place."""
    steps: int = 0
    means: list[Floats] = field(init=False)
    squares: list[Floats] = field(init=False)

    def __post_init__(self) -> None:
        """Begin with moments of 0."""
        self.means = [np.zeros_like(one) for one in self.parameters]
        self.squares = [np.zeros_like(one) for one in self.parameters]

    def step(self, gradients: Sequence[Floats]) -> None:
        """Move the parameters against their gradients."""
        self.steps += 1
        rate = RATE * math.sqrt(1 - SQUARE_DECAY**self.steps) / (1 - DECAY**self.steps)
        moved = zip(self.parameters, gradients, self.means, self.squares, strict=True)
        for parameter, gradient, mean, square in moved:
            mean += (1 - DECAY) * (gradient - mean)  # noqa: PLW2901  (in place)
            square += (1 - SQUARE_DECAY) * (gradient * gradient - square)  # noqa: PLW2901
            parameter -= rate * mean / (np.sqrt(square) + EPSILON)  # noqa: PLW2901


class Perceptron:
    """Targets from voxels through rectified hidden units.

    Parameters
    ----------
    voxels, targets
        How many there are.
    random
        Draws the first weights; biases begin at 0.
    """

    def __init__(self, voxels: int, targets: int, random: np.random.Generator) -> None:
        self.into = _glorot(random, voxels, UNITS)
        self.into_bias = np.zeros(UNITS, np.float32)
        self.out = _glorot(random, UNITS, targets)
        self.out_bias = np.zeros(targets, np.float32)
        self._adam = Adam([self.into, self.into_bias, self.out, self.out_bias])

    def hidden(self, x: Floats) -> Floats:
        """Return what the hidden units make of (row, voxel) responses, (row, unit)."""
        found: Floats = np.maximum(x @ self.into + self.into_bias, 0)
        return found

    def learn(self, x: Floats, y: Floats, random: np.random.Generator) -> list[float]:
        """Go through a chunk of rows `EPOCHS` times, each time in another order; return each one's loss.

        Parameters
        ----------
        x : (row, voxel) float32
            Standardised responses.
        y : (row, target) float32
            Their targets.
        random
            Shuffles the rows.
        """
        return [self._epoch(x, y, random.permutation(len(x))) for _ in range(EPOCHS)]

    def _epoch(self, x: Floats, y: Floats, order: NDArray[np.int64]) -> float:
        """Return the mean squared error of the rows, each as it was just before it was learned from."""
        batches = [order[start : start + BATCH] for start in range(0, len(order), BATCH)]
        return sum(self._step(x[rows], y[rows]) * len(rows) for rows in batches) / len(order)

    def _step(self, x: Floats, y: Floats) -> float:
        hidden = self.hidden(x)
        error = hidden @ self.out + self.out_bias - y
        loss = float(np.mean(error * error, dtype=np.float64))
        error *= 2 / error.size
        back: Floats = np.where(hidden > 0, error @ self.out.T, np.float32(0))
        self._adam.step([x.T @ back, back.sum(axis=0), hidden.T @ error, error.sum(axis=0)])
        return loss
