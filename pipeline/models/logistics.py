"""The colours of pixels as mixtures of logistic distributions (Salimans et al., 2017, PixelCNN++)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import torch
from torch import Tensor, nn

from .noise import draw_evenly

if TYPE_CHECKING:
    from collections.abc import Sequence

    from torch import Generator

COLOURS = 3
"""Red, green and blue: each is told in the light of those before."""
EDGE = 1e-5
"""How near to 0 and 1 even noise may come before its logarithm is taken, as in the published code."""
NARROWEST = -7.0
"""Smallest logarithm of a scale, as in the published code: less than a level."""


@dataclass(frozen=True)
class Mixture:
    """What a network says of the pixels of pictures, in brightness from -1 (black) to 1."""

    logits: Tensor
    """(picture, y, x, component): how likely each component is."""
    means: Tensor
    """(picture, y, x, colour, component)."""
    log_scales: Tensor
    """(picture, y, x, colour, component)."""
    shares: Tensor
    """(picture, y, x, 3, component): of red in green, of red in blue, of green in blue."""

    def sample(self, sources: Sequence[Generator]) -> Tensor:
        """Return pictures drawn from it, (picture, y, x, colour) from -1 to 1.

        Parameters
        ----------
        sources
            One generator a picture; all its noise comes from it.
        """
        assert len(sources) == len(self.logits), "each picture has a generator of its own"
        even = draw_evenly(sources, self.logits.shape[1:], EDGE).to(self.logits)
        chosen = (self.logits - (-even.log()).log()).argmax(-1)  # Gumbel noise: as likely as the logits say
        at = chosen[..., None, None].expand(*self.means.shape[:-1], 1)
        mean, log_scale, share = (one.gather(-1, at) for one in (self.means, self.log_scales, self.shares))
        even = draw_evenly(sources, mean.shape[1:], EDGE).to(mean)
        return _clipped(mean + log_scale.exp() * even.logit(), share)[..., 0]

    def mean(self) -> Tensor:
        """Return the middles of all components by their likelihood, (picture, y, x, colour) from -1 to 1."""
        likelihood = self.logits.softmax(-1)[..., None, :]
        return (likelihood * _clipped(self.means, self.shares)).sum(-1)


def _clipped(colours: Tensor, shares: Tensor) -> Tensor:
    """Return (picture, y, x, colour, component) with the shares of earlier colours added, from -1 to 1."""
    red, green, blue = colours.unbind(-2)
    in_green, in_blue, green_in_blue = shares.unbind(-2)
    red = red.clamp(-1, 1)
    green = (green + in_green * red).clamp(-1, 1)
    blue = (blue + in_blue * red + green_in_blue * green).clamp(-1, 1)
    return torch.stack([red, green, blue], dim=-2)


class LogisticMixture(nn.Module):
    """Tells the mixture of each pixel from a state.

    Parameters
    ----------
    width
        Channels of the state.
    components
        Of the mixture.
    """

    def __init__(self, width: int, components: int) -> None:
        super().__init__()
        self.components = components
        self.out_conv = nn.Conv2d(width, components * (1 + 3 * COLOURS), 1)

    def forward(self, state: Tensor) -> Mixture:
        """Return the mixtures of a (picture, channel, y, x) state, in float32 at least."""
        told = self.out_conv(state).permute(0, 2, 3, 1)
        told = told.to(torch.promote_types(told.dtype, torch.float32))
        logits, rest = told.tensor_split([self.components], dim=-1)
        means, log_scales, shares = rest.unflatten(-1, (COLOURS, -1)).chunk(3, dim=-1)
        return Mixture(logits, means, log_scales.clamp(min=NARROWEST), shares.tanh())


def as_levels(brightness: Tensor) -> Tensor:
    """Return brightness from -1 to 1 as uint8, rounded down as in the published code."""
    return ((brightness + 1) * 127.5).clamp(0, 255).to(torch.uint8)
