"""The problem that all contenders solve: its sizes, its data from a seed, and the operations it takes."""

from __future__ import annotations

from dataclasses import dataclass, fields
from typing import TYPE_CHECKING, Any

import numpy as np

from ... import ridge

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

TRUE_VOXELS = 200
"""Voxels that the targets depend on."""


@dataclass(frozen=True)
class Size:
    """Training rows, test rows, voxels, targets."""

    n: int
    m: int
    p: int
    t: int
    seed: int = 0

    @classmethod
    def of(cls, given: Mapping[str, Any]) -> Size:
        """Return the size among what a contender is given."""
        return cls(**{each.name: given[each.name] for each in fields(cls) if each.name in given})

    @property
    def alpha(self) -> float:
        """Penalty at which ||K|| / alpha is about a hundred, as it is on NSD."""
        return float((self.n**0.5 + self.p**0.5) ** 2 / 100)

    @property
    def flops(self) -> int:
        """What predictions of the test rows take: Gram, cross, factor, solve, product."""
        n, m, p, t = self.n, self.m, self.p, self.t
        return (
            ridge.gram_band_flops(0, n, p)
            + ridge.cross_flops(n, p, m)
            + ridge.factor_flops(n, m)
            + ridge.predict_flops(n, m, t)
        )

    @property
    def as_scripted(self) -> int:
        """What scikit-learn takes: Gram, factor, two solves, weights, and these times the test rows."""
        n, m, p, t = self.n, self.m, self.p, self.t
        weights = ridge.predict_flops(n, p, t) + ridge.predict_flops(p, m, t)
        return ridge.gram_band_flops(0, n, p) + ridge.factor_flops(n, t) + weights


def responses(size: Size, start: int, stop: int) -> np.ndarray:
    """Return (row, voxel) float32, training rows first, of voxels from a multiple of 1024 on."""
    blocks = []
    for first in range(start, stop, ridge.WIDTH):
        random = np.random.default_rng((size.seed, 1, first))
        blocks.append(random.standard_normal((size.n + size.m, min(ridge.WIDTH, stop - first)), np.float32))
    return np.concatenate(blocks, axis=1)


def targets(size: Size, row: int, rows: int, start: int, stop: int) -> np.ndarray:
    """Return (row, target) float32 of a range: a signal in the first voxels, and as much noise.

    Whatever range is asked for, an entry is the same; ranges start at multiples of 512 rows and 4096 targets.
    """
    seen = responses(size, 0, min(ridge.WIDTH, size.p))[row : row + rows, :TRUE_VOXELS]
    out = np.empty((rows, stop - start), np.float32)
    for first in range(start, stop, 4096):
        width = min(4096, stop - first)
        random = np.random.default_rng((size.seed, 2, first))
        weights = random.standard_normal((seen.shape[1], 4096), np.float32)[:, :width]
        noise = np.random.default_rng((size.seed, 3, first + row)).standard_normal((512, 4096), np.float32)
        for top in range(0, rows, 512):
            part = out[top : top + 512, first - start : first - start + width]
            part[...] = seen[top : top + 512] @ weights / np.float32(TRUE_VOXELS**0.5) + 1
            part += np.roll(noise, top // 512, axis=1)[: len(part), :width]
    return out


def exact(
    walk: Callable[[], Iterable[tuple[np.ndarray, np.ndarray]]],
    y: np.ndarray,
    alpha: float,
    nearly: Callable[[np.ndarray], np.ndarray] = lambda rest: rest,
) -> np.ndarray:
    """Return predictions in float64, by conjugate gradients on the dual equations: no Gram is formed.

    Parameters
    ----------
    walk
        Returns blocks of voxels, training rows and test rows; called once a step, so that nothing is held.
    y
        (training row, target) float64.
    alpha
        Penalty.
    nearly
        Solves the equations roughly (n, t): the better it does, the fewer the steps. The answer is the same.
    """
    mean = y.mean(axis=0)
    solution, residual = np.zeros_like(y), y - mean
    close, direction = 1e-24 * (residual**2).sum(axis=0), nearly(residual)
    slope = (residual * direction).sum(axis=0)
    while ((residual**2).sum(axis=0) > close).any():
        moved = _through_voxels(walk(), direction, test=False) + alpha * direction
        step = slope / (direction * moved).sum(axis=0)
        solution, residual = solution + step * direction, residual - step * moved
        rough = nearly(residual)
        slope, before = (residual * rough).sum(axis=0), slope
        direction = rough + slope / before * direction
    return np.asarray(_through_voxels(walk(), solution, test=True) + mean)


def _through_voxels(
    blocks: Iterable[tuple[np.ndarray, np.ndarray]], vectors: np.ndarray, *, test: bool
) -> np.ndarray:
    """Return the rows against the training rows, times vectors, both less the training rows' means."""
    total = np.zeros(1)
    for train, test_rows in blocks:
        means = train.mean(axis=0, dtype=np.float64)
        x = train - means
        total = total + ((test_rows - means) if test else x) @ (x.T @ vectors)
    return total


def relative(found: np.ndarray, expected: np.ndarray) -> float:
    """Return the error of predictions relative to their spread."""
    spread = np.linalg.norm(expected - expected.mean(axis=0))
    return float(np.linalg.norm(found - expected) / spread)
