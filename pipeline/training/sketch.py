"""The sketch: what a least-squares fit on the training rows makes of a condition, before anything learns.

A network that is given the linear picture of its condition need not find out where things lie and how bright
they are from a few hundred examples; it learns what a line can not say.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from ..ridge import Groups, held_out, sample_rows

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from .examples import Examples

ROWS = 2048
"""Training rows the fit looks at: enough for a hundred components, and bounded in memory."""
PENALTIES = (0.003, 0.01, 0.03, 0.1, 0.3, 1.0, 3.0)
"""Ridge penalties tried, in rows: a standardised feature has as many squares as there are rows."""


def moments(condition: NDArray[np.float32]) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """Return mean and standard deviation (feature,) of conditions; 1 for one that does not vary."""
    wide = condition.astype(np.float64)
    mean, std = wide.mean(axis=0), wide.std(axis=0)
    flat = std <= 1e-6 * np.maximum(np.abs(mean), 1e-6)
    return mean.astype(np.float32), np.where(flat, 1, std).astype(np.float32)


def sketch(
    examples: Examples, learned: NDArray[np.int64], rank: int, seed: int
) -> dict[str, NDArray[np.float32]]:
    """Return what a network is to know before its first step, by the names of its buffers.

    The ridge goes through the principal components of the condition; its penalty is the one whose sketches
    are nearest to what was seen, each picture left out with all its rows.

    Parameters
    ----------
    examples
        Pictures, and conditions of rows.
    learned
        (row,) int: the rows that may be looked at.
    rank
        Principal components of the condition, at most.
    seed
        Of the choice of rows, where there are more than `ROWS`.

    Returns
    -------
    "mean", "std" (feature,) of the conditions; "into" (feature, component) and "onto" (component, pixel) of
    the fit; "middle" (channel, y, x), the mean picture; "spread" (2,), the standard deviation of pixels
    around the mean picture, and around the sketch of a picture left out. Pixels from -1 to 1.
    """
    condition = examples.condition
    assert condition is not None, "a sketch is drawn of a condition"
    rows = learned[sample_rows(len(learned), seed, ROWS)]
    mean, std = moments(condition[rows])
    given = ((condition[rows] - mean) / std).astype(np.float64)
    levels = examples.pictures[examples.seen[rows]].transpose(0, 3, 1, 2).reshape(len(rows), -1)
    targets = levels / 127.5 - 1
    middle = targets.mean(axis=0)
    targets -= middle
    square, vectors = _components(given, rank)
    projected = vectors.T @ targets
    penalties = len(rows) * np.array(PENALTIES)
    fits = [_Fit(vectors, square / (square + penalty), targets, projected) for penalty in penalties]
    groups = Groups.of(examples.seen[rows])
    errors = [float(np.square(held_out(fit, groups)).mean()) for fit in fits]
    best = int(np.argmin(errors))
    onto = (np.sqrt(square) / (square + penalties[best]))[:, None] * projected
    spare = rank - len(square)  # where rows have fewer directions
    found = {
        "mean": mean,
        "std": std,
        "into": np.pad(given.T @ vectors / np.sqrt(square), [(0, 0), (0, spare)]),
        "onto": np.pad(onto, [(0, spare), (0, 0)]),
        "middle": middle.reshape(examples.shape),
        "spread": np.sqrt([np.square(targets).mean(), errors[best]]),
    }
    return {name: one.astype(np.float32) for name, one in found.items()}


def memory(rows: int, pixels: int) -> int:
    """Return bytes the fit holds at most: pictures in float64, what is left of them, and two in passing."""
    return 4 * min(rows, ROWS) * pixels * 8


@dataclass(frozen=True)
class _Fit:
    """A ridge on the components of the condition, as what it leaves of its targets."""

    vectors: NDArray[np.float64]
    """(row, component), orthonormal and without mean."""
    kept: NDArray[np.float64]
    """(component,): how much of each the ridge keeps."""
    targets: NDArray[np.float64]
    """(row, pixel), without mean."""
    projected: NDArray[np.float64]
    """(component, pixel): the targets, by components."""

    def of(self, rows: NDArray[np.int64]) -> NDArray[np.float64]:
        """Return what is left of the targets of some rows."""
        left: NDArray[np.float64] = self.targets[rows] - (self.vectors[rows] * self.kept) @ self.projected
        return left

    def block(self, rows: NDArray[np.int64]) -> NDArray[np.float64]:
        """Return the residual maker among the (group, member) rows of some groups."""
        ours = self.vectors[rows]
        hat = (ours * self.kept) @ ours.transpose(0, 2, 1) + 1 / len(self.vectors)
        made: NDArray[np.float64] = np.eye(rows.shape[1]) - hat
        return made


def _components(given: NDArray[np.float64], rank: int) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return squared lengths (component,), largest first, and directions (row, component) of conditions."""
    square, vectors = np.linalg.eigh(given @ given.T)
    there = np.flatnonzero(square > 1e-9 * max(square[-1], 1e-9))[::-1][:rank]
    return square[there], vectors[:, there]
