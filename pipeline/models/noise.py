"""Noise that belongs to one picture: the same on any worker, in any order, at any batch size.

Drawn on the CPU in float32 by a generator of the picture's own, whatever network it enters.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from torch import Generator, Tensor


def generators(seeds: Iterable[int]) -> list[Generator]:
    """Return a generator a picture."""
    import torch

    return [torch.Generator("cpu").manual_seed(int(seed)) for seed in seeds]


def draw(sources: Sequence[Generator], shape: Sequence[int]) -> Tensor:
    """Return (picture, *shape) float32 of standard normal noise, each picture's from its own generator."""
    import torch

    return torch.stack([torch.randn(tuple(shape), generator=source) for source in sources])


def draw_evenly(sources: Sequence[Generator], shape: Sequence[int], edge: float) -> Tensor:
    """Return (picture, *shape) float32 of noise even from `edge` to 1 - `edge`, each its own."""
    import torch

    between = [torch.empty(tuple(shape)).uniform_(edge, 1 - edge, generator=source) for source in sources]
    return torch.stack(between)
