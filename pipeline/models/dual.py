"""A UNet that is guided by a picture and by a text at once, as Versatile Diffusion is (Xu et al., 2023).

Its image UNet and its text UNet agree in all but what each learned of its own kind of guidance: the
transformers with cross-attention. So the image UNet paints, and at each of those places the text UNet's
transformer stands beside its own.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor, nn

from .vision_ops import prepare_torchvision

if TYPE_CHECKING:
    from collections.abc import Mapping

PLACE = re.compile(r"(\.attentions\.\d+)\.")
"""The name of a transformer with cross-attention, at the end of which ours says which of two it is."""


class Dual(nn.Module):
    """Two transformers in the place of one, and what they say mixed.

    Each adds something to what goes in, h, and weights sum to one, so
    h + mixing * (text(h) - h) + (1 - mixing) * (vision(h) - h) is a mean of both.

    Parameters
    ----------
    vision, text
        diffusers' Transformer2DModel, of the same sizes.
    """

    def __init__(self, vision: nn.Module, text: nn.Module) -> None:
        super().__init__()
        self.vision, self.text = vision, text

    def forward(
        self, hidden_states: Tensor, *, cross_attention_kwargs: Mapping[str, Any], **_further: Any
    ) -> tuple[Tensor]:
        """Return (picture, channel, y, x) as diffusers' blocks take it, in a tuple.

        Parameters
        ----------
        hidden_states
            (picture, channel, y, x).
        cross_attention_kwargs
            `text` and `vision`, (picture, token, feature) each, and `mixing`, the weight of the text: at 1
            the vision's transformer isn't run, nor the text's at 0.
        """
        told, mixing = cross_attention_kwargs, cross_attention_kwargs["mixing"]
        if mixing == 0:
            return (_one(self.vision, hidden_states, told["vision"]),)
        if mixing == 1:
            return (_one(self.text, hidden_states, told["text"]),)
        seen = _one(self.vision, hidden_states, told["vision"])
        return (torch.lerp(seen, _one(self.text, hidden_states, told["text"]), mixing),)


def _one(transformer: nn.Module, hidden_states: Tensor, tokens: Tensor) -> Tensor:
    made: Tensor = transformer(hidden_states, encoder_hidden_states=tokens, return_dict=False)[0]
    return made


class DualUNet(nn.Module):
    """Predicts the noise in latents of pictures, guided by vision tokens, text tokens or both.

    Parameters
    ----------
    sizes
        As diffusers' UNet2DConditionModel describes the image UNet.
    """

    def __init__(self, sizes: Mapping[str, Any]) -> None:
        super().__init__()
        self.unet: Any = image_unet(sizes)
        texts = image_unet(sizes)
        for name in places(self.unet):
            dual = Dual(self.unet.get_submodule(name), texts.get_submodule(name))
            self.unet.set_submodule(name, dual)

    def forward(
        self, noisy: Tensor, time: Tensor, text: Tensor | None, vision: Tensor | None, mixing: float
    ) -> Tensor:
        """Return the noise that is in latents.

        Parameters
        ----------
        noisy
            (picture, channel, y, x) latents.
        time
            (picture,) int, noise steps.
        text, vision
            (picture, token, feature); one that has no weight may be None.
        mixing
            Weight of the text, 0 to 1; the vision has the rest.
        """
        told = {"text": text, "vision": vision, "mixing": mixing}
        # what the UNet itself takes for its guidance goes nowhere: each Dual has both
        said = self.unet(noisy, time, text if vision is None else vision, cross_attention_kwargs=told)
        made: Tensor = said.sample
        return made


def image_unet(sizes: Mapping[str, Any]) -> Any:
    """Return diffusers' UNet2DConditionModel of these sizes, with random weights."""
    prepare_torchvision()
    from diffusers import UNet2DConditionModel

    return UNet2DConditionModel.from_config(dict(sizes))


def places(unet: nn.Module) -> list[str]:
    """Return the names of the transformers with cross-attention."""
    from diffusers import Transformer2DModel

    return [name for name, one in unet.named_modules() if isinstance(one, Transformer2DModel)]


def joined(image: Mapping[str, Tensor], text: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """Return the weights of a `DualUNet`.

    Parameters
    ----------
    image
        All weights of the image UNet, by diffusers' names.
    text
        Weights of the text UNet; of these only the transformers with cross-attention are taken.
    """
    taken = {name: one for name, one in text.items() if PLACE.search(name)}
    kinds = {"vision": image, "text": taken}
    return {
        "unet." + PLACE.sub(rf"\1.{kind}.", name): one
        for kind, given in kinds.items()
        for name, one in given.items()
    }
