"""Pictures blurred and enlarged a little, at random, before they are learned from, as FMRI2IMG does."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from torch import Generator, Tensor

BLUR = 3 / 425
"""Largest standard deviation of the blur, in sides of the picture: 3 of NSD's 425 pixels, as published."""
ZOOM = 1.2
"""Largest enlargement, as published."""


def drawn(count: int, chance: Generator) -> dict[str, Tensor]:
    """Return "blur", standard deviations in sides of the picture, and "zoom", each (picture,) and uniform."""
    import torch

    blur, zoom = torch.rand(2, count, generator=chance)
    return {"blur": BLUR * blur, "zoom": 1 + (ZOOM - 1) * zoom}


def augmented(pictures: Tensor, blur: Tensor, zoom: Tensor) -> Tensor:
    """Return pictures blurred, then enlarged about their middle and cropped to the size they had.

    Both act on rows and columns alike and are linear: a picture is multiplied by one matrix from two sides.

    Parameters
    ----------
    pictures
        (picture, channel, side, side).
    blur
        (picture,) standard deviation of a Gaussian, in sides of the picture; 0 for none.
    zoom
        (picture,) times, 1 or more.
    """
    import torch

    side = pictures.shape[-1]
    at = torch.arange(side, device=pictures.device, dtype=pictures.dtype)
    apart = (at[:, None] - at) / (side * blur[:, None, None]).clamp(min=1e-3)
    gauss = torch.softmax(-(apart**2) / 2, dim=2)  # at the borders, what is there counts more
    middle = (side - 1) / 2
    source = middle + (at - middle) / zoom[:, None]
    between = (1 - (source[:, :, None] - at).abs()).clamp(min=0)  # linear interpolation
    both = between @ gauss
    made: Tensor = torch.einsum("nij,ncjk,nlk->ncil", both, pictures, both)
    return made
