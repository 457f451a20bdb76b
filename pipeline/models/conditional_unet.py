"""A small conditional UNet that learns on a laptop: it corrects the linear picture of its condition."""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch
from torch import Tensor, nn
from torch.nn.functional import pixel_shuffle, pixel_unshuffle, silu

from .pixel_unet import EMBEDDING, time_embedding

if TYPE_CHECKING:
    from collections.abc import Sequence

HIDDEN = 256
"""Width between the condition and its embedding."""
GROUPS = 8
"""Groups of each normalisation; divides every number of channels."""
RANK = 128
"""Principal components of the condition that the sketch is drawn from, at most."""
FOLD = 2
"""Side of the squares of pixels that are folded into channels: a quarter of the places, so half the time."""


class Residual(nn.Module):
    """Two convolutions added to what goes in; in between, the embedding scales and shifts each channel."""

    def __init__(self, inputs: int, outputs: int) -> None:
        super().__init__()
        self.first_norm = nn.GroupNorm(GROUPS, inputs)
        self.first = nn.Conv2d(inputs, outputs, 3, padding=1)
        self.told = nn.Linear(EMBEDDING, 2 * outputs)
        self.second_norm = nn.GroupNorm(GROUPS, outputs)
        self.second = nn.Conv2d(outputs, outputs, 3, padding=1)
        nn.init.zeros_(self.second.weight)
        self.past = nn.Conv2d(inputs, outputs, 1) if inputs != outputs else nn.Identity()

    def forward(self, x: Tensor, embedding: Tensor) -> Tensor:
        """Return (picture, outputs, y, x) of (picture, inputs, y, x) and an embedding of each."""
        scale, shift = self.told(embedding)[:, :, None, None].chunk(2, dim=1)
        made = self.second_norm(self.first(silu(self.first_norm(x))))
        added: Tensor = self.past(x) + self.second(silu(made * (1 + scale) + shift))
        return added


class ConditionalUNet(nn.Module):
    """Predicts clean pictures from noisy ones and a description of each.

    The condition is told in two ways. It is added to the time embedding, which scales and shifts the
    channels of every layer (Perez et al., 2018): what is there, in which colour. And it becomes a *sketch*,
    the picture that a least-squares fit makes of it, laid beside the noisy picture as further channels
    (Saharia et al., 2022, do so with pictures): where it is.

    What the network says is added to the sketch, in units of what that leaves open: before the first step it
    says what least squares say.

    Parameters
    ----------
    size
        Side of the picture, a multiple of 4.
    channels
        Of the picture.
    width
        Features of the condition.
    widths
        Channels at half and at a quarter of the size; multiples of 8.

    Attributes
    ----------
    mean, std
        What a condition is standardised by: (feature,).
    into, onto, middle
        The sketch of a standardised condition c is middle + c @ into @ onto: (feature, component),
        (component, pixel), (channel, y, x).
    spread
        Standard deviation of clean pixels around `middle`, and around their sketch: (2,).
        All these are learned from training rows before the first step, and kept as weights.
    """

    mean: Tensor
    std: Tensor
    into: Tensor
    onto: Tensor
    middle: Tensor
    spread: Tensor
    nothing: nn.Parameter

    def __init__(
        self, *, size: int = 32, channels: int = 3, width: int = 128, widths: Sequence[int] = (48, 96)
    ) -> None:
        super().__init__()
        self.size, self.channels, self.width = size, channels, width
        self.register_buffer("mean", torch.zeros(width))
        self.register_buffer("std", torch.ones(width))
        self.register_buffer("into", torch.zeros(width, min(RANK, width)))
        self.register_buffer("onto", torch.zeros(min(RANK, width), channels * size * size))
        self.register_buffer("middle", torch.zeros(channels, size, size))
        self.register_buffer("spread", torch.ones(2))
        self.nothing = nn.Parameter(torch.zeros(EMBEDDING))
        self.time = _perceptron(EMBEDDING)
        self.describe = _perceptron(width)
        fine, coarse = widths
        folded = FOLD * FOLD * channels
        self.enter = nn.Conv2d(2 * folded, fine, 3, padding=1)
        self.fine = Residual(fine, fine)
        self.down = nn.Conv2d(fine, coarse, 3, stride=2, padding=1)
        self.coarse = nn.ModuleList([Residual(coarse, coarse), Residual(coarse, coarse)])
        self.joined_coarse = Residual(2 * coarse, coarse)
        self.up = nn.Conv2d(coarse, 4 * fine, 1)
        self.joined = nn.ModuleList([Residual(2 * fine, fine), Residual(fine, fine)])
        self.leave_norm = nn.GroupNorm(GROUPS, fine)
        self.leave = nn.Conv2d(fine, folded, 3, padding=1)
        nn.init.zeros_(self.leave.weight)
        nn.init.zeros_(self.leave.bias)  # type: ignore[arg-type]

    def forward(
        self, noisy: Tensor, time: Tensor, condition: Tensor | None = None, dropped: Tensor | None = None
    ) -> Tensor:
        """Return the predicted clean pictures.

        Parameters
        ----------
        noisy
            (picture, channel, y, x), -1 to 1 and noise.
        time
            (picture,) int, noise steps.
        condition
            (picture, feature); None paints without.
        dropped
            (picture,) bool: those that are to be painted without.
        """
        count = len(noisy)
        told = None if condition is None else (condition - self.mean) / self.std
        embedding = silu(self.time(time_embedding(time, noisy.dtype)) + self._described(told, dropped, count))
        sketch, spread = self._sketch(told, dropped, count)
        given = torch.cat([noisy, sketch], dim=1)
        return sketch + spread * self._corrected(given, embedding)

    def _corrected(self, given: Tensor, embedding: Tensor) -> Tensor:
        fine = self.fine(self.enter(pixel_unshuffle(given, FOLD)), embedding)
        first, second = self.coarse
        coarse = first(self.down(fine), embedding)
        coarse = self.joined_coarse(torch.cat([second(coarse, embedding), coarse], dim=1), embedding)
        x = torch.cat([pixel_shuffle(self.up(coarse), 2), fine], dim=1)
        for layer in self.joined:
            x = layer(x, embedding)
        return pixel_shuffle(self.leave(silu(self.leave_norm(x))), FOLD)

    def _described(self, told: Tensor | None, dropped: Tensor | None, count: int) -> Tensor:
        nothing = self.nothing.expand(count, -1)
        if told is None:
            return nothing
        described: Tensor = self.describe(told)
        return described if dropped is None else torch.where(dropped[:, None], nothing, described)

    def _sketch(self, told: Tensor | None, dropped: Tensor | None, count: int) -> tuple[Tensor, Tensor]:
        """Return sketches (picture, channel, y, x) and how far pixels are from them (picture, 1, 1, 1)."""
        middle = self.middle.expand(count, -1, -1, -1)
        before, after = (self.spread[at].expand(count, 1, 1, 1) for at in (0, 1))
        if told is None:
            return middle, before
        drawn = middle + (told @ self.into @ self.onto).view_as(middle)
        if dropped is None:
            return drawn, after
        where = dropped[:, None, None, None]
        return torch.where(where, middle, drawn), torch.where(where, before, after)


def _perceptron(width: int) -> nn.Module:
    return nn.Sequential(nn.Linear(width, HIDDEN), nn.SiLU(), nn.Linear(HIDDEN, EMBEDDING))
