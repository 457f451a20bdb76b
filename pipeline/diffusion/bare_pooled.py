"""Painting from a pooled embedding as one writes it by hand: diffusers' parts in one loop, all in memory.

Nothing here is used by a run. It is what `ip-adapter` and `kandinsky` are measured beside.
"""

from __future__ import annotations

from inspect import signature
from typing import TYPE_CHECKING, Any

from ..models.vision_ops import prepare_torchvision

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from numpy.typing import NDArray
    from torch import Tensor

    from .latent import Latent, Networks

    Asked = Callable[[Tensor, Tensor, Tensor], Tensor]

TOKENS = 77
"""Of a text, also of an empty one."""


def ready(generator: Latent) -> tuple[Networks, Mapping[str, Tensor]]:
    """Return a generator's networks in float32, and what they are told where nothing is."""
    import torch

    return generator.networks(torch.float32), generator.untold(torch.float32)


def painted(
    generator: Latent,
    networks: Networks,
    untold: Mapping[str, Tensor],
    embeddings: NDArray[Any],
    seeds: NDArray[Any],
) -> Tensor:
    """Return (picture, y, x, 3) uint8, painted from noise under guidance, on the CPU.

    Parameters
    ----------
    generator
        Its batch, side, steps, guidance and noise are taken, nothing it can do.
    networks, untold
        As `ready` returns them.
    embeddings
        (picture, feature) float32.
    seeds
        (picture,).
    """
    import torch

    prepare_torchvision()
    from diffusers import DDIMScheduler

    known = signature(DDIMScheduler).parameters
    noise = {key: one for key, one in generator.noise.items() if key in known}
    batch, side, guidance, made = generator.batch, generator.size // 8, generator.guidance, []
    ask = _adapted(networks, untold["text"], generator.size) if "text" in untold else _decoder(networks)
    with torch.inference_mode():
        for at in range(0, len(seeds), batch):
            these = slice(at, at + batch)
            seen = torch.from_numpy(embeddings[these])
            told = torch.cat([untold["image"].expand_as(seen), seen])
            scheduler: Any = DDIMScheduler(**noise)
            scheduler.set_timesteps(generator.steps)
            sources = [torch.Generator().manual_seed(int(seed)) for seed in seeds[these]]
            latents = torch.stack([torch.randn(4, side, side, generator=source) for source in sources])
            for time in scheduler.timesteps:
                without, beside = ask(torch.cat([latents, latents]), time, told).chunk(2)
                said = without + guidance * (beside - without)
                latents = scheduler.step(said, time, latents, return_dict=False)[0]
            pictures = _decoded(networks.autoencoder, latents)
            made.append(((pictures.clamp(-1, 1) + 1) * 127.5).round().permute(0, 2, 3, 1).byte())
    return torch.cat(made)


def _adapted(networks: Networks, text: Tensor, side: int) -> Asked:
    """Return Stable Diffusion with its adapter, told of the empty text."""
    import torch

    unet = networks.unet
    width = TOKENS * unet.config.cross_attention_dim
    words, pooled = text[:, :width].view(1, TOKENS, -1), text[:, width:]
    about = torch.tensor([[side, side, 0, 0, side, side]], dtype=torch.float32)

    def ask(latents: Tensor, time: Tensor, told: Tensor) -> Tensor:
        """Return what the network says of latents (picture, 4, y, x), told an embedding a picture."""
        count = len(latents)
        further: dict[str, Any] = {"image_embeds": [told[:, None]]}
        if unet.config.addition_embed_type == "text_time":
            further |= {"text_embeds": pooled.expand(count, -1), "time_ids": about.expand(count, -1)}
        said: Tensor = unet(latents, time, words.expand(count, -1, -1), added_cond_kwargs=further).sample
        return said

    return ask


def _decoder(networks: Networks) -> Asked:
    """Return Kandinsky's decoder; behind the noise it tells a variance."""

    def ask(latents: Tensor, time: Tensor, told: Tensor) -> Tensor:
        said: Tensor = networks.unet(latents, time, None, added_cond_kwargs={"image_embeds": told}).sample
        return said[:, :4]

    return ask


def _decoded(autoencoder: Any, latents: Tensor) -> Tensor:
    """Return pictures, all at once."""
    if hasattr(autoencoder, "quantize"):
        made: Tensor = autoencoder.decode(latents, force_not_quantize=True).sample
    else:
        made = autoencoder.decode(latents / autoencoder.config.scaling_factor).sample
    return made
