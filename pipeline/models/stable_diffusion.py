"""Stable Diffusion with an IP-Adapter: its networks as one, its bases, and what it hears of no text."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, NamedTuple

from . import architectures as sizes
from .noise import draw
from .parts import placed
from .threads import one_thread

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from torch import Generator, Tensor
    from torch import dtype as Dtype  # noqa: N812

    from .parts import Part

TOKENS = 77
"""Of a text, as CLIP was trained."""
BEGIN, END = 49406, 49407
"""Tokens around every text; between them is nothing, where there is no text."""
SIZES = 6
"""Numbers about sizes that the UNet of SDXL is told."""


class Text(NamedTuple):
    """A text encoder of a model."""

    part: str
    kind: str
    random: Mapping[str, Any]
    padding: int
    """The token that fills a text up, by the model's own tokenizer."""


@dataclass(frozen=True)
class Base:
    """A model that an adapter is for."""

    model: str
    adapter: str
    side: int
    """Of the pictures that it was trained on."""
    unet: Mapping[str, Any]
    """Of its random form."""
    texts: tuple[Text, ...]


_FIRST = Text("text_encoder", "CLIPTextModel", sizes.RANDOM_TEXT, END)
_SECOND = Text("text_encoder_2", "CLIPTextModelWithProjection", sizes.RANDOM_TEXT_G, 0)
BASES: Mapping[str, Base] = {
    "sdxl": Base("stable-diffusion-xl", "ip-adapter/sdxl", 1024, sizes.RANDOM_SDXL_UNET, (_FIRST, _SECOND)),
    "sd15": Base("stable-diffusion-1-5", "ip-adapter/sd15", 512, sizes.RANDOM_SD15_UNET, (_FIRST,)),
}


class StableDiffusion:
    """A UNet with its adapter, and the autoencoder; it keeps nothing of the pictures it paints.

    Parameters
    ----------
    unet
        A UNet2DConditionModel that `image_prompt.adapt` has changed.
    vae
        An AutoencoderKL.
    """

    def __init__(self, unet: Any, vae: Any) -> None:
        self.unet, self.autoencoder = unet, vae

    def telling(self, told: Mapping[str, Tensor], side: int) -> Any:
        """Return the UNet under conditions.

        Parameters
        ----------
        told
            (picture, feature): "image" an embedding, "text" 77 tokens flattened, then the pooled embedding
            where the UNet takes one.
        side
            Of the pictures.

        Returns
        -------
        Of noisy latents (picture, channel, y, x) and noise steps (picture,), the noise in them.
        """
        numbers, text = self.unet.dtype, told["text"]
        width = TOKENS * self.unet.config.cross_attention_dim
        words = text[:, :width].reshape(len(text), TOKENS, -1).to(numbers)
        further: dict[str, Any] = {"image_embeds": [told["image"][:, None].to(numbers)]}
        if self.unet.config.addition_embed_type == "text_time":
            # as it was trained: the size that a picture had, what was cut off, and the size that is painted
            about = words.new_tensor([side, side, 0, 0, side, side]).expand(len(text), -1)
            further |= {"text_embeds": text[:, width:].to(numbers), "time_ids": about}

        def said(noisy: Tensor, time: Tensor) -> Tensor:
            """Return the noise (picture, channel, y, x) in noisy latents, at noise steps (picture,)."""
            made: Tensor = self.unet(
                noisy.to(numbers),
                time,
                encoder_hidden_states=words,
                added_cond_kwargs=further,
                return_dict=False,
            )[0]
            return made

        return said

    def encode(self, pictures: Tensor, sources: Sequence[Generator]) -> Tensor:
        """Return latents (picture, channel, y, x) float32, drawn as each picture's own generator says."""
        import torch

        vae = self.autoencoder
        told = [vae.encode(one[None].to(vae.dtype)).latent_dist for one in pictures]
        mean, std = (torch.cat([getattr(one, what) for one in told]).float() for what in ("mean", "std"))
        drawn = draw(sources, mean.shape[1:]).to(mean.device)
        made: Tensor = (mean + std * drawn) * vae.config.scaling_factor
        return made

    def decode(self, latents: Tensor) -> Tensor:
        """Return pictures, one after the other: together they would take more memory than the UNet does."""
        import torch

        vae = self.autoencoder
        scaled = (latents / vae.config.scaling_factor).to(vae.dtype)
        return torch.cat([vae.decode(one[None], return_dict=False)[0].float() for one in scaled])


def text_width(unet: Mapping[str, Any]) -> int:
    """Return how many numbers a UNet is told of a text: tokens, then the pooled embedding if it takes one."""
    tokens = TOKENS * int(unet["cross_attention_dim"])
    if unet.get("addition_embed_type") != "text_time":
        return tokens
    shared = int(unet["projection_class_embeddings_input_dim"])
    return tokens + shared - SIZES * int(unet["addition_time_embed_dim"])


def said_by(encoder: Any, numbers: Tensor, *, last: bool) -> tuple[Tensor, Tensor | None]:
    """Return what an encoder says of texts: (text, token, feature), and (text, feature) if it has a summary.

    Parameters
    ----------
    encoder
        Of transformers.
    numbers
        (text, token) int.
    last
        Whether it is heard at its end, as the only one of a base is; of two, the layer before is.
    """
    said = encoder(numbers, output_hidden_states=True)
    tokens = said.last_hidden_state if last else said.hidden_states[-2]
    return tokens, said.text_embeds if "text_embeds" in said else None


def no_text(texts: Sequence[Text], parts: Sequence[Part], numbers: Dtype, device: str) -> Tensor:
    """Return what text encoders say of the empty text, (1, feature) float32 on the CPU; they are let go.

    Parameters
    ----------
    texts, parts
        The encoders of a base, in its order.
    numbers
        torch's dtype to compute in.
    device
        Where to compute.
    """
    import torch

    words, pooled = [], []
    with one_thread(), torch.inference_mode():
        for text, part in zip(texts, parts, strict=True):
            encoder: Any = placed(part.load(numbers), device)
            tokens = torch.tensor([[BEGIN, END] + [text.padding] * (TOKENS - 2)], device=device)
            said, summary = said_by(encoder, tokens, last=len(texts) == 1)
            words.append(said)
            if summary is not None:
                pooled.append(summary.float().cpu())
    flat = torch.cat(words, dim=-1).flatten(1).float().cpu()
    return torch.cat([flat, *pooled], dim=1)
