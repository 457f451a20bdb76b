"""What guides Versatile Diffusion: CLIP's two halves, and what they say of nothing."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from .pretrained import clip_text, clip_vision

if TYPE_CHECKING:
    from torch import Tensor

GREY = 127
"""Level of the picture that shows nothing: Brain-Diffuser's is in the middle, which became this level on its
way through CLIP's preprocessing."""


def identity_of(weights: str) -> dict[str, str]:
    """Return what tells CLIP's weights from others, for a fingerprint; both halves are in one file."""
    return clip_text(weights).identity()


def of_nothing(weights: str) -> dict[str, Tensor]:
    """Return the tokens of an empty text and of a grey picture, (1, token, feature) float32 by role.

    Neither half is kept: they are asked once a worker, and their tokens lie on the CPU.

    Raises
    ------
    WeightsMissing
        If CLIP's weights are not on this machine, or damaged.
    """
    import torch

    from .clip import numbers_of

    with torch.inference_mode():
        text: Any = clip_text(weights).load()
        read = text(numbers_of([""], text.length)).cpu()
        del text
        vision: Any = clip_vision(weights).load()
        grey = torch.full((1, vision.size, vision.size, 3), GREY, dtype=torch.uint8)
        return {"text": read, "vision": vision(grey).cpu()}
