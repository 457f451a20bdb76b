"""Sheets: pictures side by side in one, of what a training learned to paint and of how its noise looks."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from ..diffusion.generators import as_levels, from_levels
from ..diffusion.process import STEPS
from .chance import generator

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from ..diffusion.process import Process

GAP = 2
"""White pixels between pictures."""
LEVELS = 8
"""Noise steps shown."""


def sheet(rows: Sequence[NDArray[np.uint8]]) -> NDArray[np.uint8]:
    """Return rows of pictures as one picture (y, x, channel), a little white between them.

    Parameters
    ----------
    rows
        Each (picture, y, x, channel) uint8, all of one shape.
    """
    room = ((0, 0), (0, GAP), (0, GAP), (0, 0))
    lines = [np.concatenate(list(np.pad(row, room, constant_values=255)), axis=1) for row in rows]
    made: NDArray[np.uint8] = np.concatenate(lines)[:-GAP, :-GAP]
    return made


def noised(
    process: Process, picture: NDArray[np.uint8], seed: int, levels: int = LEVELS
) -> NDArray[np.uint8]:
    """Return a picture at noise steps from the first to the last, evenly apart, under one and the same noise.

    Parameters
    ----------
    process
        How pictures are noised.
    picture
        (y, x, channel) uint8.
    seed
        Of the noise.
    levels
        How many noise steps.

    Returns
    -------
    (level, y, x, channel) uint8
    """
    import torch

    clean = from_levels(picture[None])
    noise = torch.randn(clean.shape, generator=generator(seed, "noise steps"))
    times = torch.linspace(0, STEPS - 1, levels).round().long()
    return as_levels(process.noisy(clean.expand(levels, -1, -1, -1), noise.expand(levels, -1, -1, -1), times))
