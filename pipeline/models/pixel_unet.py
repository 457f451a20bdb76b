"""The 64-pixel UNet of visual_imagery_reconstruction (Figueroa, 2023), voxels added to its time embedding.

Its published conditional path never ran: the layer for the voxels had no width, the trainer built the other
network and the sampler passed no voxels. Here it is one network, which without a condition is the
unconditional one to the last parameter (23,332,739 of them at 64 pixels and 3 channels).
"""

from __future__ import annotations

import math

import torch
from torch import Tensor, nn

EMBEDDING = 256
"""Width of the time embedding."""
HEADS = 4
"""Heads of each self-attention."""
WAVELENGTH = 10_000.0
"""Base of the time embedding's frequencies, as in Vaswani et al. (2017)."""


class DoubleConv(nn.Module):
    """Two convolutions, each normalised over all channels together; `residual` adds the input back."""

    def __init__(
        self, inputs: int, outputs: int, middle: int | None = None, *, residual: bool = False
    ) -> None:
        super().__init__()
        middle = middle or outputs
        self.residual = residual
        self.layers = nn.Sequential(
            nn.Conv2d(inputs, middle, 3, padding=1, bias=False),
            nn.GroupNorm(1, middle),
            nn.GELU(),
            nn.Conv2d(middle, outputs, 3, padding=1, bias=False),
            nn.GroupNorm(1, outputs),
        )

    def forward(self, x: Tensor) -> Tensor:
        """Return (picture, outputs, y, x)."""
        made: Tensor = self.layers(x)
        return nn.functional.gelu(x + made) if self.residual else made


class Embedded(nn.Module):
    """Adds the time embedding, brought to the right width, to every pixel."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.layers = nn.Sequential(nn.SiLU(), nn.Linear(EMBEDDING, channels))

    def forward(self, x: Tensor, embedding: Tensor) -> Tensor:
        """Return x with the embedding added."""
        shift: Tensor = self.layers(embedding)
        return x + shift[:, :, None, None]


class Down(nn.Module):
    """Half the size, then a residual and a widening pair of convolutions."""

    def __init__(self, inputs: int, outputs: int) -> None:
        super().__init__()
        self.layers = nn.Sequential(
            nn.MaxPool2d(2), DoubleConv(inputs, inputs, residual=True), DoubleConv(inputs, outputs)
        )
        self.embedded = Embedded(outputs)

    def forward(self, x: Tensor, embedding: Tensor) -> Tensor:
        """Return (picture, outputs, y / 2, x / 2)."""
        made: Tensor = self.embedded(self.layers(x), embedding)
        return made


class Up(nn.Module):
    """Twice the size, joined by what the way down had at that size."""

    def __init__(self, inputs: int, outputs: int) -> None:
        super().__init__()
        self.larger = nn.Upsample(scale_factor=2, mode="bilinear", align_corners=True)
        self.layers = nn.Sequential(
            DoubleConv(inputs, inputs, residual=True), DoubleConv(inputs, outputs, inputs // 2)
        )
        self.embedded = Embedded(outputs)

    def forward(self, x: Tensor, skip: Tensor, embedding: Tensor) -> Tensor:
        """Return (picture, outputs, 2 y, 2 x)."""
        joined = torch.cat([skip, self.larger(x)], dim=1)
        made: Tensor = self.embedded(self.layers(joined), embedding)
        return made


class SelfAttention(nn.Module):
    """Every pixel attends to every other."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.norm = nn.LayerNorm(channels)
        self.attention = nn.MultiheadAttention(channels, HEADS, batch_first=True)
        self.after = nn.Sequential(
            nn.LayerNorm(channels), nn.Linear(channels, channels), nn.GELU(), nn.Linear(channels, channels)
        )

    def forward(self, x: Tensor) -> Tensor:
        """Return the same shape."""
        pixels = x.flatten(2).transpose(1, 2)
        pixels = pixels + self._attended(self.norm(pixels))
        pixels = pixels + self.after(pixels)
        made: Tensor = pixels.transpose(1, 2).reshape(x.shape)
        return made

    def _attended(self, pixels: Tensor) -> Tensor:
        """Return what torch's own layer does, which holds every weight once it learns no more."""
        layer = self.attention
        told = nn.functional.linear(pixels, layer.in_proj_weight, layer.in_proj_bias)
        query, key, value = (one.unflatten(2, (HEADS, -1)).transpose(1, 2) for one in told.chunk(3, dim=2))
        mixed = nn.functional.scaled_dot_product_attention(query, key, value)
        made: Tensor = layer.out_proj(mixed.transpose(1, 2).flatten(2))
        return made


class PixelUNet(nn.Module):
    """Predicts the noise in noisy pictures.

    Parameters
    ----------
    size
        Side of the picture; a multiple of 8.
    channels
        Of the picture.
    width
        Voxels of the condition; 0 for the unconditional network.
    """

    def __init__(self, *, size: int = 64, channels: int = 3, width: int = 0) -> None:
        super().__init__()
        self.size, self.channels, self.width = size, channels, width
        self.first = DoubleConv(channels, 64)
        self.down = nn.ModuleList([Down(64, 128), Down(128, 256), Down(256, 256)])
        self.down_attention = nn.ModuleList([SelfAttention(128), SelfAttention(256), SelfAttention(256)])
        self.bottom = nn.Sequential(DoubleConv(256, 512), DoubleConv(512, 512), DoubleConv(512, 256))
        self.up = nn.ModuleList([Up(512, 128), Up(256, 64), Up(128, 64)])
        self.up_attention = nn.ModuleList([SelfAttention(128), SelfAttention(64), SelfAttention(64)])
        self.last = nn.Conv2d(64, channels, 1)
        self.condition = nn.Linear(width, EMBEDDING) if width else None

    def forward(
        self, noisy: Tensor, time: Tensor, condition: Tensor | None = None, dropped: Tensor | None = None
    ) -> Tensor:
        """Return the predicted noise.

        Parameters
        ----------
        noisy
            (picture, channel, y, x).
        time
            (picture,) int, noise steps.
        condition
            (picture, width) standardised responses; None paints without.
        dropped
            (picture,) bool: those that are to be painted without.
        """
        embedding = time_embedding(time, noisy.dtype)
        if condition is not None and self.condition is not None:
            known: Tensor = self.condition(condition)
            embedding = embedding + (known if dropped is None else known * ~dropped[:, None])
        x = self.first(noisy)
        skips = []
        for down, attention in zip(self.down, self.down_attention, strict=True):
            skips.append(x)
            x = attention(down(x, embedding))
        x = self.bottom(x)
        for up, attention in zip(self.up, self.up_attention, strict=True):
            x = attention(up(x, skips.pop(), embedding))
        made: Tensor = self.last(x)
        return made


def time_embedding(time: Tensor, dtype: torch.dtype = torch.float32) -> Tensor:
    """Return (picture, 256): sines, then cosines, of the noise step times 10000^(-2 k / 256)."""
    steps = torch.arange(0, EMBEDDING, 2, device=time.device, dtype=torch.float32)
    angles = time.float()[:, None] * torch.exp(-math.log(WAVELENGTH) * steps / EMBEDDING)
    return torch.cat([angles.sin(), angles.cos()], dim=1).to(dtype)
