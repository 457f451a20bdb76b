"""How a picture comes out of noise: what a sampler holds at some moments on its way."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from .generators import as_levels
from .sample import paint

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray
    from torch import Tensor

    from .process import Process
    from .sample import Manner, Network

MOMENTS = 8
"""Moments shown."""


def progression(
    network: Network,
    process: Process,
    manner: Manner,
    condition: Tensor | None,
    seeds: Sequence[int],
    shape: Sequence[int],
    moments: int = MOMENTS,
    *,
    device: Any = None,
) -> tuple[NDArray[np.uint8], list[int]]:
    """Return pictures on their way from noise, as `pipeline.diffusion.sample.paint` paints them.

    Parameters
    ----------
    network, process, manner, condition, seeds, shape, device
        As for `paint`.
    moments
        How many are shown, evenly apart in steps taken: the noise first, the picture last.

    Returns
    -------
    (picture, moment, y, x, channel) uint8, and the noise step of each moment, the picture's being 0.
    """
    met: dict[int, Tensor] = {}

    def watched(noisy: Tensor, time: Tensor, told: Tensor | None) -> Tensor:
        met.setdefault(int(time[0]), noisy)  # guidance, and the second step of PLMS, ask twice
        return network(noisy, time, told)

    last = paint(watched, process, manner, condition, seeds, shape, device=device)
    times, held = [*met, 0], [*met.values(), last]
    chosen = np.unique(np.linspace(0, len(held) - 1, moments).round().astype(int))
    return np.stack([as_levels(held[at]) for at in chosen], axis=1), [times[at] for at in chosen]
