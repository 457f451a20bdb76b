"""What guides Versatile Diffusion: CLIP's two halves with their weights, and what they say of nothing.

Both compute on the CPU in float32, as they are asked once a worker.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeVar

import torch

from .checkpoint import read
from .clip import PUBLISHED, RANDOM, TextTokens, VisionTokens, described, numbers_of
from .networks import fill
from .weights import identity, located

if TYPE_CHECKING:
    from collections.abc import Callable

    from torch import Tensor

Tower = TypeVar("Tower", VisionTokens, TextTokens)
NAME = "clip-vit-l-14"
GREY = 127
"""Level of the picture that shows nothing: Brain-Diffuser's is in the middle, which became this level on its
way through CLIP's preprocessing."""
SEEN = "visual."
"""Beginning of the names of weights of the half that sees."""


def identity_of(weights: str) -> dict[str, str]:
    """Return what tells the weights from others, for a fingerprint; see `weights.located`."""
    return {"weights": "random"} if weights == "random" else identity(located(NAME, weights), NAME)


def vision_tower(weights: str) -> VisionTokens:
    """Return the half that sees pictures, frozen.

    Raises
    ------
    WeightsMissing
        If its weights are not on this machine, or damaged.
    """
    return _tower(VisionTokens, weights, lambda name: name.startswith(SEEN))


def text_tower(weights: str) -> TextTokens:
    """Return the half that reads texts, frozen; see `vision_tower`."""
    made = _tower(TextTokens, weights, lambda name: not name.startswith((SEEN, "logit_")))
    made.attn_mask = torch.full((made.length,) * 2, -torch.inf).triu(1)  # no weight, so it is in no file
    return made


def _tower(kind: type[Tower], weights: str, needed: Callable[[str], bool]) -> Tower:
    if weights == "random":
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(0)
            return kind(RANDOM).requires_grad_(requires_grad=False).eval()
    path = located(NAME, weights)
    with torch.device("meta"):
        made = kind(described(PUBLISHED)).requires_grad_(requires_grad=False).eval()
    fill(made, {name: one for name, one in read(path).items() if needed(name)}, str(path))
    return made.float()


def of_nothing(weights: str) -> dict[str, Tensor]:
    """Return the tokens of an empty text and of a grey picture, (1, token, feature) float32 by role.

    Raises
    ------
    WeightsMissing
        If CLIP's weights are not on this machine, or damaged.
    """
    with torch.inference_mode():
        text, vision = text_tower(weights), vision_tower(weights)
        grey = torch.full((1, vision.size, vision.size, 3), GREY, dtype=torch.uint8)
        return {"text": text(numbers_of([""], text.length)), "vision": vision(grey)}
