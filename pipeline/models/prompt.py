"""Prompts: what the text encoders of a Stable Diffusion say of texts, as its UNet is told."""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any

import torch
from torch import nn

from .device import device
from .parts import Part, placed
from .pretrained import Pretrained
from .stable_diffusion import BASES, END, said_by

if TYPE_CHECKING:
    from collections.abc import Sequence

    from torch import Tensor


class TextEncoders(nn.Module):
    """The text encoders of a base as one: 77 tokens, then the pooled embedding where the base has one.

    Parameters
    ----------
    encoders
        Of transformers, in the base's order.
    paddings
        The token that fills a text up for each of them.
    """

    def __init__(self, encoders: Sequence[nn.Module], paddings: Sequence[int]) -> None:
        super().__init__()
        self.encoders, self.paddings = nn.ModuleList(encoders), tuple(paddings)

    def forward(self, numbers: Tensor) -> Tensor:
        """Return (text, feature), tokens flattened.

        Parameters
        ----------
        numbers
            (text, token) int, as `pipeline.models.clip.numbers_of` returns them: ends fill up.
        """
        words, pooled = [], []
        numbers = numbers.to(next(self.parameters()).device)
        filled = (numbers == END).cumsum(dim=1) > 1
        for encoder, padding in zip(self.encoders, self.paddings, strict=True):
            told = numbers.masked_fill(filled, padding)
            tokens, summary = said_by(encoder, told, last=len(self.encoders) == 1)
            words.append(tokens)
            if summary is not None:
                pooled.append(summary)
        return torch.cat([torch.cat(words, dim=-1).flatten(1), *pooled], dim=1)


@dataclass(frozen=True)
class Prompt(Pretrained):
    """The text encoders of a Stable Diffusion, in float32."""

    base: str = "sdxl"

    def identity(self) -> dict[str, str]:
        """Return what tells their weights from others: sha256 by file."""
        if self.weights == "random":
            return {"weights": "random"}
        parts = _parts(self.base, self.weights)
        return {name: one for part in parts for name, one in part.identity().items()}

    def load(self) -> nn.Module:
        """Return them with their weights, frozen, on this process's device."""
        made = [part.load(torch.float32) for part in _parts(self.base, self.weights)]
        return placed(_joined(self.base, made), device())


def prompt(base: str, weights: str) -> Prompt:
    """Return the text encoders of a base, "sdxl" or "sd15"."""
    build = partial(_laid_out, base, weights)
    return Prompt(BASES[base].model, "texts", weights, build, base=base)


def _laid_out(base: str, weights: str) -> nn.Module:
    return _joined(base, [part.skeleton() for part in _parts(base, weights)])


def _parts(base: str, weights: str) -> list[Part]:
    model = BASES[base].model
    return [Part.of(f"{model}/{one.part}", one.kind, weights, one.random) for one in BASES[base].texts]


def _joined(base: str, encoders: Sequence[Any]) -> nn.Module:
    made = TextEncoders(encoders, [one.padding for one in BASES[base].texts])
    return made.requires_grad_(requires_grad=False).eval()
