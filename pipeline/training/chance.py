"""Chance in training, a function of seed and step: who goes on at a step goes on with its very numbers.

So a checkpoint needs no states of generators and no place in a shuffled list, and processes that share a
batch draw the whole of it and take their part.
"""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray
    from torch import Generator


def number(seed: int, *what: object) -> int:
    """Return 63 bits that belong to a seed and a purpose."""
    text = "|".join(map(str, (seed, *what)))
    return int.from_bytes(hashlib.sha256(text.encode()).digest()[:8], "big") & (2**63 - 1)


def generator(seed: int, *what: object) -> Generator:
    """Return torch's generator for a purpose, on the CPU."""
    import torch

    return torch.Generator("cpu").manual_seed(number(seed, *what))


def held_back(pictures: int, share: float, seed: int) -> NDArray[np.bool_]:
    """Return which training pictures are kept for validation: (picture,) bool, at least one if any can be."""
    chosen = np.zeros(pictures, bool)
    count = min(pictures - 1, max(1, round(share * pictures))) if share else 0
    chosen[np.random.default_rng(number(seed, "validation")).permutation(pictures)[:count]] = True
    return chosen


def rows_of(step: int, rows: NDArray[Any], batch: int, seed: int) -> NDArray[Any]:
    """Return the rows of a step: `rows` shuffled, epoch after epoch, each row once an epoch.

    Parameters
    ----------
    step
        From 0.
    rows
        (row,) int, what to choose from.
    batch
        Rows a step.
    seed
        Of the order.
    """
    places = np.arange(step * batch, (step + 1) * batch)
    epochs, within = places // len(rows), places % len(rows)
    order = {int(epoch): _order(len(rows), int(epoch), seed) for epoch in np.unique(epochs)}
    chosen = [order[int(epoch)][place] for epoch, place in zip(epochs, within, strict=True)]
    found: NDArray[Any] = rows[np.array(chosen)]
    return found


def _order(count: int, epoch: int, seed: int) -> NDArray[Any]:
    return np.random.default_rng(number(seed, "order", epoch)).permutation(count)
