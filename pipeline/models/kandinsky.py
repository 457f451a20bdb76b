"""Kandinsky 2.2's decoder: from a picture's pooled CLIP embedding to the picture, and its networks as one."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from .parts import placed
from .threads import one_thread

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from torch import Generator, Tensor
    from torch import dtype as Dtype  # noqa: N812

    from .parts import Part


class KandinskyDecoder:
    """A UNet that is told of embeddings, and the autoencoder; it keeps nothing of the pictures it paints.

    Parameters
    ----------
    unet
        A UNet2DConditionModel.
    movq
        A VQModel.
    """

    def __init__(self, unet: Any, movq: Any) -> None:
        self.unet, self.autoencoder = unet, movq

    def telling(self, told: Mapping[str, Tensor], side: int) -> Any:
        """Return the UNet under embeddings `image` (picture, feature); see `StableDiffusion.telling`."""
        del side
        numbers = self.unet.dtype
        further = {"image_embeds": told["image"].to(numbers)}

        def said(noisy: Tensor, time: Tensor) -> Tensor:
            """Return the noise (picture, channel, y, x) in noisy latents, at noise steps (picture,)."""
            made: Tensor = self.unet(
                noisy.to(numbers),
                time,
                encoder_hidden_states=None,
                added_cond_kwargs=further,
                return_dict=False,
            )[0]
            return made[:, : noisy.shape[1]]  # what follows is a variance, which a DDIM step does not draw

        return said

    def encode(self, pictures: Tensor, sources: Sequence[Generator]) -> Tensor:
        """Return latents (picture, channel, y, x) float32; nothing is drawn."""
        import torch

        del sources
        movq = self.autoencoder
        return torch.cat([movq.encode(one[None].to(movq.dtype)).latents.float() for one in pictures])

    def decode(self, latents: Tensor) -> Tensor:
        """Return pictures, one after the other."""
        import torch

        movq = self.autoencoder
        exact = latents.to(movq.dtype)
        return torch.cat([movq.decode(one[None], force_not_quantize=True).sample.float() for one in exact])


def nothing_seen(part: Part, numbers: Dtype, device: str) -> Tensor:
    """Return what the image encoder says of a picture of zeros, (1, feature) float32 on the CPU.

    That is what Kandinsky takes for no picture: zeros after standardising, so the mean colour everywhere. The
    encoder is let go afterwards.

    Parameters
    ----------
    part
        The encoder.
    numbers
        torch's dtype to compute in.
    device
        Where to compute.
    """
    import torch

    side = part.described["image_size"]
    with one_thread(), torch.inference_mode():
        encoder: Any = placed(part.load(numbers), device)
        seen = torch.zeros(1, 3, side, side, dtype=numbers, device=device)
        made: Tensor = encoder(seen).image_embeds.float().cpu()
        return made
