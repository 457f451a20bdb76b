"""Captions: what networks that others have trained tell of them, averaged over those of each picture."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from ..models.pretrained import Pretrained, clip_text
from .encoders import shape_of

if TYPE_CHECKING:
    from numpy.typing import NDArray
    from torch import Tensor


@dataclass(frozen=True)
class Texts:
    """All tokens of captions that CLIP ViT-L/14 reads, averaged over the captions of each picture."""

    weights: str = "published"
    slots: int = 1
    """The most captions that a picture has."""

    @property
    def pretrained(self) -> Pretrained:
        """The network."""
        return clip_text(self.weights)

    @property
    def unflattened(self) -> tuple[int, ...]:
        """(token, feature)."""
        return shape_of(self)

    def numbers(self, captions: NDArray[Any]) -> list[NDArray[Any]]:
        """Return (picture, slot, token) numbers of (picture, slot) captions, and which of them there are."""
        from ..models.clip import numbers_of

        there = told(captions)
        texts = [str(one) for one in captions.ravel()]
        numbers: NDArray[Any] = numbers_of(texts).numpy().reshape(*captions.shape, -1)
        return [numbers, there]

    def blank(self, count: int) -> list[NDArray[Any]]:
        """Return captions without words."""
        numbers, there = self.numbers(np.full((count, self.slots), "", object))
        return [numbers, ~there]

    def tell(self, network: Any, *given: NDArray[Any]) -> Tensor:
        """Return (picture, token, feature) of numbers, and of which there are, as `numbers` returns them.

        Those that are not there are read too: so each batch is of one size.
        """
        import torch

        from ..models.clip import mean_of_texts

        numbers, there = given
        tokens = network(torch.from_numpy(numbers).flatten(0, 1))
        chosen = torch.from_numpy(np.flatnonzero(there)).to(tokens.device)
        return mean_of_texts(tokens[chosen], there.sum(axis=1).tolist())


@dataclass(frozen=True)
class Prompts(Texts):
    """What the text encoders of a Stable Diffusion say of captions, averaged over those of each picture."""

    base: str = "sdxl"
    """Whose: "sdxl" or "sd15"."""

    @property
    def pretrained(self) -> Pretrained:
        """The networks."""
        from ..models.prompt import prompt

        return prompt(self.base, self.weights)

    @property
    def unflattened(self) -> tuple[int, ...]:
        """(feature,): the tokens one after another, for "sdxl" followed by the pooled embedding."""
        return shape_of(self)


def told(captions: NDArray[Any]) -> NDArray[np.bool_]:
    """Return which captions there are: those that hold more than blanks."""
    return np.array([bool(str(one).strip()) for one in captions.ravel()], bool).reshape(captions.shape)


def reader_of(weights: str, slots: int = 1, base: str | None = None) -> Texts:
    """Return the encoder of captions: CLIP's, or that of a base of Stable Diffusion."""
    return Texts(weights, slots) if base is None else Prompts(weights, slots, base)
