"""The encoder of FMRI2IMG (aaalgo, 2023): from voxels to the latent that a frozen autoencoder decodes."""

from __future__ import annotations

from torch import Tensor, nn

HIDDEN = 2048
"""Width of both hidden layers."""
PLANES = 16
"""Channels of the small picture that the last layer lays out."""


class VoxelEncoder(nn.Module):
    """Three linear layers, then one that doubles the size of what they lay out.

    At 4660 voxels and latents of 4 x 16 x 16 it has the published 15,841,284 parameters.

    Parameters
    ----------
    width
        Voxels.
    latent
        Channels and side of the latent.
    """

    def __init__(self, *, width: int, latent: tuple[int, int] = (4, 16)) -> None:
        super().__init__()
        channels, side = latent
        self.width, self.before = width, side // 2
        self.layers = nn.Sequential(
            nn.Linear(width, HIDDEN),
            nn.GELU(),
            nn.Linear(HIDDEN, HIDDEN),
            nn.GELU(),
            nn.Linear(HIDDEN, PLANES * self.before**2),
            nn.GELU(),
        )
        self.larger = nn.ConvTranspose2d(PLANES, channels, 4, stride=2, padding=1)

    def forward(self, condition: Tensor) -> Tensor:
        """Return (picture, channel, y, x) latents of (picture, voxel) standardised responses."""
        flat: Tensor = self.layers(condition)
        made: Tensor = self.larger(flat.view(-1, PLANES, self.before, self.before))
        return made
