"""The very deep VAE (Child, 2021): pictures to a hierarchy of latents, and back.

Weights fit by name: those of `openai/vdvae`, for instance `imagenet64-iter-1600000-model-ema.th`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch
from torch import Tensor, nn

from ..errors import ShapeError
from .bottleneck import Block
from .hierarchy import IMAGENET64, Hierarchy, steps
from .vdvae_decoder import Decoder

if TYPE_CHECKING:
    from collections.abc import Sequence

    from torch import Generator

    from .logistics import Mixture

MEAN = 115.92961967
"""Brightness of ImageNet's pixels, 0 to 255: what pictures are standardised by, as in the published code."""
STD = 69.37404
"""Its standard deviation."""


class Encoder(nn.Module):
    """From pictures to what is seen in them at each size."""

    def __init__(self, hierarchy: Hierarchy) -> None:
        super().__init__()
        width, middle = hierarchy.width, hierarchy.middle
        self.in_conv = nn.Conv2d(3, width, 3, padding=1)
        self.enc_blocks = nn.ModuleList(
            Block(width, middle, width, step, residual=True) for step in steps(hierarchy.encoder)
        )

    def forward(self, pictures: Tensor) -> dict[int, Tensor]:
        """Return the last state at each side, (picture, channel, y, x), of standardised pictures."""
        x = self.in_conv(pictures)
        seen = {}
        for block in self.enc_blocks:
            x = block(x)
            seen[x.shape[-1]] = x
        return seen


class VDVAE(nn.Module):
    """Tells the latents of pictures, and the pictures of latents.

    Parameters
    ----------
    hierarchy
        Its sizes; default the published ones for ImageNet at 64 pixels.
    """

    def __init__(self, hierarchy: Hierarchy = IMAGENET64) -> None:
        super().__init__()
        self.hierarchy = hierarchy
        self.encoder = Encoder(hierarchy)
        self.decoder = Decoder(hierarchy)

    def encode(
        self, pictures: Tensor, layers: int = 31, sources: Sequence[Generator] | None = None
    ) -> Tensor:
        """Return the first latents of pictures.

        Parameters
        ----------
        pictures
            (picture, y, x, colour), 0 to 255, of the network's size.
        layers
            How many latents, coarse to fine; 31 in Brain-Diffuser.
        sources
            A generator a picture, to draw the latents from their posterior by (Brain-Diffuser draws them).
            Default their means, each by the means before it.

        Returns
        -------
        (picture, column): latent by latent, each (channel, y, x) in C order.

        Raises
        ------
        ShapeError
            If the pictures have another size, or there are not as many latents.
        """
        size = self.hierarchy.size
        if tuple(pictures.shape[1:]) != (size, size, 3):
            raise ShapeError(
                f"pictures have shape {tuple(pictures.shape)}; expected (picture, {size}, {size}, 3): "
                "resize them before"
            )
        self.hierarchy.columns(layers)
        gain = self.decoder.gain
        exact = pictures.to(gain.device, torch.promote_types(gain.dtype, torch.float32))
        standardised = ((exact - MEAN) / STD).permute(0, 3, 1, 2).to(gain.dtype)
        return self.decoder.infer(self.encoder(standardised), layers, sources)

    def decode(
        self, latents: Tensor, sources: Sequence[Generator] | None = None, temperature: float = 1.0
    ) -> Mixture:
        """Return what pictures the first latents stand for; the others are drawn from the prior.

        Parameters
        ----------
        latents
            (picture, column), as `encode` tells them; no column draws all from the prior.
        sources
            A generator a picture, to draw the other latents by. Default their means, each by those before it.
        temperature
            What the standard deviations of the prior are multiplied by; 1 in Brain-Diffuser.

        Returns
        -------
        The mixtures of the pixels: `sample` draws a picture from them, by the same generators.

        Raises
        ------
        ShapeError
            If a row ends inside a latent.
        """
        count, columns = latents.shape
        layers = self.hierarchy.layers(columns)
        shapes, ends = self.hierarchy.latents[:layers], self.hierarchy.ends[:layers]
        parts = latents.to(self.decoder.gain).tensor_split(ends[:-1], dim=1) if layers else ()
        given = [part.unflatten(1, shape) for part, shape in zip(parts, shapes, strict=True)]
        made: Mixture = self.decoder(given, count, sources, temperature)
        return made
