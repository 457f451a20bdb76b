"""The decoder of the very deep VAE (Child, 2021): from latents, coarse to fine, to the colours of pixels."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor, nn

from .bottleneck import Block
from .hierarchy import Hierarchy, Step, steps
from .logistics import LogisticMixture, Mixture
from .noise import draw

if TYPE_CHECKING:
    from collections.abc import Sequence

    from torch import Generator

F = nn.functional


class DecoderBlock(nn.Module):
    """Holds one latent: tells what to expect of it, what is seen of it, and what follows from it."""

    def __init__(self, step: Step, hierarchy: Hierarchy) -> None:
        super().__init__()
        width, middle, channels = hierarchy.width, hierarchy.middle, hierarchy.channels
        self.step = step
        self.parts = [channels, channels, width]
        self.enc = Block(2 * width, middle, 2 * channels, step)
        self.prior = Block(width, middle, sum(self.parts), step)
        self.z_proj = nn.Conv2d(channels, width, 1)
        self.resnet = Block(width, middle, width, step, residual=True)

    def entered(self, states: dict[int, Tensor]) -> Tensor:
        """Return the state at its side, with a coarser one enlarged and added where it is to be."""
        x = states[self.step.side]
        if self.step.source is None:
            return x
        factor = self.step.side // self.step.source
        return x + F.interpolate(states[self.step.source], scale_factor=factor, mode="nearest")

    def expected(self, x: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """Return mean and log of the standard deviation before anything is seen, and the state after it."""
        mean, log_std, change = self.prior(x).split(self.parts, dim=1)
        return mean, log_std, x + change

    def inferred(self, x: Tensor, seen: Tensor) -> tuple[Tensor, Tensor]:
        """Return mean and log of the standard deviation of the latent of what is seen."""
        mean, log_std = self.enc(torch.cat([x, seen], dim=1)).chunk(2, dim=1)
        return mean, log_std

    def forward(self, x: Tensor, latent: Tensor) -> Tensor:
        """Return the state that follows from a latent."""
        made: Tensor = self.resnet(x + self.z_proj(latent))
        return made


class Decoder(nn.Module):
    """From a hierarchy of latents to the mixtures of pixels."""

    def __init__(self, hierarchy: Hierarchy) -> None:
        super().__init__()
        blocks, width = steps(hierarchy.decoder), hierarchy.width
        self.sides = sorted({step.side for step in blocks})
        self.dec_blocks = nn.ModuleList(DecoderBlock(step, hierarchy) for step in blocks)
        self.bias_xs = nn.ParameterList(torch.zeros(1, width, side, side) for side in self.sides)
        self.gain = nn.Parameter(torch.ones(1, width, 1, 1))
        self.bias = nn.Parameter(torch.zeros(1, width, 1, 1))
        self.out_net = LogisticMixture(width, hierarchy.components)

    def infer(self, seen: dict[int, Tensor], layers: int, sources: Sequence[Generator] | None) -> Tensor:
        """Return (picture, column) of the first latents, by what an encoder saw; no block after them runs."""
        states = self._states(len(seen[self.sides[0]]))
        found: list[Tensor] = []
        for block in self._blocks():
            side = block.step.side
            x = block.entered(states)
            mean, log_std = block.inferred(x, seen[side])
            latent = _drawn(mean, log_std, sources)
            found.append(latent.flatten(1))
            if len(found) == layers:
                break
            states[side] = block(block.expected(x)[2], latent)
        return torch.cat(found, dim=1)

    def forward(
        self, latents: Sequence[Tensor], count: int, sources: Sequence[Generator] | None, temperature: float
    ) -> Mixture:
        """Return the mixtures of `count` pictures of given latents, those that are not given expected."""
        states = self._states(count)
        for at, block in enumerate(self._blocks()):
            mean, log_std, x = block.expected(block.entered(states))
            given = at < len(latents)
            latent = latents[at] if given else _drawn(mean, log_std, sources, temperature)
            states[block.step.side] = block(x, latent)
        made: Mixture = self.out_net(states[self.sides[-1]] * self.gain + self.bias)
        return made

    def _states(self, count: int) -> dict[int, Tensor]:
        """Return what is there before the first block, by side."""
        biases = zip(self.sides, self.bias_xs, strict=True)
        return {side: bias.expand(count, -1, -1, -1) for side, bias in biases}

    def _blocks(self) -> Any:
        return self.dec_blocks


def _drawn(
    mean: Tensor, log_std: Tensor, sources: Sequence[Generator] | None, temperature: float = 1.0
) -> Tensor:
    """Return normal numbers, each picture's by its own generator; the mean where there is none."""
    if sources is None:
        return mean
    assert len(sources) == len(mean), "each picture has a generator of its own"
    noise = draw(sources, mean.shape[1:]).to(mean)
    return mean + temperature * log_std.exp() * noise
