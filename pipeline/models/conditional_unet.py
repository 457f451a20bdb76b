"""A small conditional UNet that learns on a laptop: diffusers' UNet, told of the condition in two ways."""

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


class ConditionalUNet(nn.Module):
    """Predicts clean pictures from noisy ones and a description of each.

    The description becomes a few tokens: attended to at the two coarser sizes, and, laid end to end, added to
    the time embedding. The second way alone says where and what colour after a few hundred steps.

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
    mean, std
        What a condition is standardised by: (feature,) float; learned from training rows, kept as weights.
    """

    mean: Tensor
    std: Tensor
    nothing: nn.Parameter

    def __init__(
        self, *, size: int = 32, channels: int = 3, width: int = 128, widths: Sequence[int] = (16, 32, 64)
    ) -> None:
        super().__init__()
        self.size, self.channels, self.width = size, channels, width
        self.register_buffer("mean", torch.zeros(width))
        self.register_buffer("std", torch.ones(width))
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
        tokens = self._tokens(condition, dropped, len(noisy))
        made: Tensor = self.unet(
            noisy,
            time,
            encoder_hidden_states=tokens.view(len(noisy), TOKENS, TOKEN),
            class_labels=tokens,
            return_dict=False,
        )[0]
        return made

    def _tokens(self, condition: Tensor | None, dropped: Tensor | None, count: int) -> Tensor:
        nothing = self.nothing.expand(count, -1)
        if condition is None:
            return nothing
        tokens: Tensor = self.describe((condition - self.mean) / self.std)
        return tokens if dropped is None else torch.where(dropped[:, None], nothing, tokens)


def _unet(size: int, channels: int, widths: tuple[int, ...]) -> nn.Module:
    prepare_torchvision()
    from diffusers import UNet2DConditionModel

    coarser = len(widths) - 1
    network: Any = UNet2DConditionModel(
        sample_size=size,
        in_channels=channels,
        out_channels=channels,
        block_out_channels=widths,
        layers_per_block=1,
        down_block_types=("DownBlock2D", *("CrossAttnDownBlock2D",) * coarser),
        up_block_types=(*("CrossAttnUpBlock2D",) * coarser, "UpBlock2D"),
        norm_num_groups=GROUPS,
        cross_attention_dim=TOKEN,
        attention_head_dim=GROUPS,
        class_embed_type="projection",
        projection_class_embeddings_input_dim=TOKENS * TOKEN,
    )
    return network  # type: ignore[no-any-return]
