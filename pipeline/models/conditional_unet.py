"""A small conditional UNet that learns on a laptop: it corrects the linear picture of its condition."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor, nn

from .vision_ops import prepare_torchvision

if TYPE_CHECKING:
    from collections.abc import Sequence

TOKENS = 4
"""What the condition is turned into for cross-attention."""
TOKEN = 64
"""Width of one of them."""
HIDDEN = 256
"""Width between the condition and its tokens."""
GROUPS = 8
"""Groups of each normalisation; divides every number of channels."""
HEADS = 2
"""Heads of each attention: more are slow on a processor, for as few channels."""
RANK = 128
"""Principal components of the condition that the sketch is drawn from, at most."""


class ConditionalUNet(nn.Module):
    """Predicts clean pictures from noisy ones and a description of each.

    The condition is told in three ways. It becomes a few tokens, which are attended to at the coarsest size
    and, laid end to end, added to the time embedding: what is there, in which colour. And it becomes a
    *sketch*, the picture that a least-squares fit makes of it, laid beside the noisy picture as further
    channels (Saharia et al., 2022, do so with pictures): where it is.

    What the network says is added to the sketch, in units of what that leaves open: before the first step it
    says what least squares say.

    Parameters
    ----------
    size
        Side of the picture.
    channels
        Of the picture.
    width
        Features of the condition.
    widths
        Channels at each size, fine to coarse; multiples of 8.

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
        self, *, size: int = 32, channels: int = 3, width: int = 128, widths: Sequence[int] = (16, 32, 64)
    ) -> None:
        super().__init__()
        self.size, self.channels, self.width = size, channels, width
        self.register_buffer("mean", torch.zeros(width))
        self.register_buffer("std", torch.ones(width))
        self.register_buffer("into", torch.zeros(width, min(RANK, width)))
        self.register_buffer("onto", torch.zeros(min(RANK, width), channels * size * size))
        self.register_buffer("middle", torch.zeros(channels, size, size))
        self.register_buffer("spread", torch.ones(2))
        self.nothing = nn.Parameter(torch.zeros(TOKENS * TOKEN))
        self.describe = nn.Sequential(nn.Linear(width, HIDDEN), nn.SiLU(), nn.Linear(HIDDEN, TOKENS * TOKEN))
        self.unet = _unet(size, channels, tuple(widths))

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
        tokens = self._tokens(told, dropped, count)
        sketch, spread = self._sketch(told, dropped, count)
        made: Tensor = self.unet(
            torch.cat([noisy, sketch], dim=1),
            time,
            encoder_hidden_states=tokens.view(count, TOKENS, TOKEN),
            class_labels=tokens,
            return_dict=False,
        )[0]
        return sketch + spread * made

    def _tokens(self, told: Tensor | None, dropped: Tensor | None, count: int) -> Tensor:
        nothing = self.nothing.expand(count, -1)
        if told is None:
            return nothing
        tokens: Tensor = self.describe(told)
        return tokens if dropped is None else torch.where(dropped[:, None], nothing, tokens)

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


def _unet(size: int, channels: int, widths: tuple[int, ...]) -> nn.Module:
    prepare_torchvision()
    from diffusers import UNet2DConditionModel

    finer = len(widths) - 1
    network: Any = UNet2DConditionModel(
        sample_size=size,
        in_channels=2 * channels,
        out_channels=channels,
        block_out_channels=widths,
        layers_per_block=1,
        down_block_types=(*("DownBlock2D",) * finer, "CrossAttnDownBlock2D"),
        up_block_types=("CrossAttnUpBlock2D", *("UpBlock2D",) * finer),
        norm_num_groups=GROUPS,
        cross_attention_dim=TOKEN,
        attention_head_dim=HEADS,  # the number of heads, whatever the name says
        class_embed_type="projection",
        projection_class_embeddings_input_dim=TOKENS * TOKEN,
    )
    nn.init.zeros_(network.conv_out.weight)
    nn.init.zeros_(network.conv_out.bias)
    return network  # type: ignore[no-any-return]
