"""Latents under two guides at once, vision and text; and the way from pictures to latents and back."""

from __future__ import annotations

import json
from functools import cache
from typing import TYPE_CHECKING, Any

from ..models.autoencoder import Autoencoder, decode
from ..models.noise import draw, generators
from ..models.versatile import Networks, Versatile
from .generators import from_levels

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    import numpy as np
    from numpy.typing import NDArray
    from torch import Tensor

    from .sample import Network

TOKENS: Mapping[str, int] = {"text": 77, "vision": 257}
"""CLIP's tokens by role."""


def guided(
    unet: Any, told: Mapping[str, Tensor], blank: Mapping[str, Tensor], guidance: float, mixing: float
) -> Network:
    """Return a network as samplers take it, both halves of its guidance in one batch.

    Parameters
    ----------
    unet
        A `DualUNet`, in whatever precision.
    told
        (picture, token, feature) float32 by role. A role that is alone guides alone.
    blank
        (1, token, feature) float32 by role, what guidance goes away from.
    guidance
        How far to go beyond what is told; 1 takes it as it is, and spares the other half.
    mixing
        Weight of the text.

    Returns
    -------
    Of (latents, noise steps (picture,), anything): the noise in them, float32.
    """
    import torch

    weight, halves = next(unet.parameters()), 1 if guidance == 1 else 2
    tokens = {
        role: torch.cat([blank[role].expand_as(one), one][-halves:]).to(weight) for role, one in told.items()
    }
    text, vision = tokens.get("text"), tokens.get("vision")
    weight_of_text = 1.0 if vision is None else 0.0 if text is None else mixing

    def network(noisy: Tensor, time: Tensor, _condition: Tensor | None) -> Tensor:
        """Return the noise (picture, channel, y, x) float32 in noisy latents, at noise steps (picture,)."""
        many = noisy.repeat(halves, 1, 1, 1).to(weight.dtype)
        said: Tensor = unet(many, time.repeat(halves), text, vision, weight_of_text).float()
        if halves == 1:
            return said
        without, beside = said.chunk(2)
        return torch.lerp(without, beside, guidance)

    return network


def latent_shape(autoencoder: Any, size: int) -> tuple[int, int, int]:
    """Return (channel, y, x) of the latents of pictures of a side."""
    sizes = autoencoder.config
    side = size // 2 ** (len(sizes.block_out_channels) - 1)
    return sizes.latent_channels, side, side


def encoded(autoencoder: Any, pictures: NDArray[np.uint8], seeds: Sequence[int]) -> Tensor:
    """Return (picture, channel, y, x) float32 latents, drawn from those that the encoder holds possible.

    Parameters
    ----------
    autoencoder
        diffusers' AutoencoderKL.
    pictures
        (picture, y, x, 3).
    seeds
        One a picture. The first draw of its generator is the noise that is painted from, this is the second.
    """
    weight = next(autoencoder.parameters())
    possible = autoencoder.encode(from_levels(pictures).to(weight)).latent_dist
    sources, shape = generators(seeds), possible.mean.shape[1:]
    draw(sources, shape)
    place = draw(sources, shape).to(weight.device)
    made: Tensor = (possible.mean.float() + possible.std.float() * place) * autoencoder.config.scaling_factor
    return made


def decoded(autoencoder: Any, latents: Tensor) -> Tensor:
    """Return (picture, channel, y, x), about -1 to 1, of latents."""
    weight = next(autoencoder.parameters())
    return decode(autoencoder, (latents / autoencoder.config.scaling_factor).to(weight))


def models(described: Versatile, dtype: str) -> int:
    """Return the bytes of the networks, in a precision by torch's name."""
    return _models(_sizes(described), dtype)


def layers(described: Versatile, batch: int, size: int, guidance: float, dtype: str) -> int:
    """Return the bytes that the layers of a batch hold at most: of the UNet, the encoder or the decoder.

    Parameters
    ----------
    described
        Which networks.
    batch, size
        Pictures painted at once, and their side.
    guidance
        1 spares half of what the UNet holds.
    dtype
        Of the networks, by torch's name.
    """
    return _layers(_sizes(described), batch, size, 1 if guidance == 1 else 2, dtype)


def _sizes(described: Versatile) -> str:
    return json.dumps([dict(described.unet), dict(described.autoencoder.described)], sort_keys=True)


def _skeleton(sizes: str, dtype: str) -> Networks:
    unet, autoencoder = json.loads(sizes)
    return Versatile(unet, Autoencoder(autoencoder, None), None).skeleton().to("meta", dtype)


@cache
def _models(sizes: str, dtype: str) -> int:
    return _skeleton(sizes, dtype).nbytes


@cache
def _layers(sizes: str, batch: int, size: int, halves: int, dtype: str) -> int:
    import torch

    from ..models.layout import most_held

    made, width = _skeleton(sizes, dtype), json.loads(sizes)[0]["cross_attention_dim"]
    precision, many = getattr(torch, dtype), halves * batch
    known = [*made.unet.parameters(), *made.autoencoder.parameters()]
    with torch.no_grad(), torch.device("meta"):
        text, vision = (torch.empty(many, TOKENS[role], width, dtype=precision) for role in TOKENS)
        noisy = torch.empty(many, *latent_shape(made.autoencoder, size), dtype=precision)
        time, begun = torch.zeros(many, dtype=torch.int64), torch.empty(batch, 3, size, size, dtype=precision)
        calls = (
            lambda: made.unet(noisy, time, text, vision, 0.5),
            lambda: made.autoencoder.encode(begun),
            lambda: made.autoencoder.decode(noisy[:batch]),
        )
        return max(most_held(call, known) for call in calls)
