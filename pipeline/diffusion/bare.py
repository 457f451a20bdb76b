"""Painting under two guides as one writes it by hand: diffusers' parts in one loop, all data in memory.

Nothing here is used by a run. It is what `versatile-diffusion` is measured beside.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ..models.guides import of_nothing
from ..models.versatile import Networks, Versatile
from ..models.vision_ops import prepare_torchvision

if TYPE_CHECKING:
    from collections.abc import Mapping

    from numpy.typing import NDArray
    from torch import Tensor

    Tokens = Mapping[str, Tensor]


def ready(weights: str, device: str, dtype: str) -> tuple[Networks, Tokens]:
    """Return the networks on a device, and the tokens that guidance goes away from."""
    networks = Versatile.of(weights).load().to(device, dtype)
    weight = next(networks.unet.parameters())
    return networks, {role: one.to(weight) for role, one in of_nothing(weights).items()}


def painted(  # noqa: PLR0913  (a script's constants)
    networks: Networks,
    blank: Tokens,
    conditions: Mapping[str, NDArray[Any]],
    starts: NDArray[Any],
    seeds: NDArray[Any],
    *,
    batch: int,
    steps: int = 50,
    strength: float = 0.75,
    guidance: float = 7.5,
    mixing: float = 0.4,
) -> Tensor:
    """Return (picture, y, x, 3) uint8 on the CPU.

    Parameters
    ----------
    networks, blank
        As `ready` returns them.
    conditions
        (picture, feature) by role.
    starts
        (picture, y, x, 3) uint8, of the side that is painted.
    seeds
        (picture,).
    batch
        Pictures painted at once.
    steps, strength, guidance, mixing
        Brain-Diffuser's by default.
    """
    import torch

    prepare_torchvision()
    from diffusers import DDIMScheduler

    unet, vae, weight = networks.unet, networks.autoencoder, next(networks.unet.parameters())
    made = []
    with torch.inference_mode():
        for at in range(0, len(seeds), batch):
            these = slice(at, at + batch)
            count, tokens = len(seeds[these]), {}
            for role, nothing in blank.items():
                told = torch.from_numpy(conditions[role][these]).to(weight).view(count, *nothing.shape[1:])
                tokens[role] = torch.cat([nothing.expand_as(told), told])
            scheduler: Any = DDIMScheduler(
                beta_start=0.00085,
                beta_end=0.012,
                beta_schedule="scaled_linear",
                clip_sample=False,
                set_alpha_to_one=False,
                steps_offset=1,
            )
            scheduler.set_timesteps(steps)
            times = scheduler.timesteps[-int(strength * steps) :]
            begun = torch.from_numpy(starts[these]).permute(0, 3, 1, 2).to(weight) / 127.5 - 1
            possible = vae.encode(begun).latent_dist
            drawn = [_two(int(seed), possible.mean.shape[1:]) for seed in seeds[these]]
            noise, place = (torch.stack(one).to(weight.device) for one in zip(*drawn, strict=True))
            latents = (possible.mean + possible.std * place) * vae.config.scaling_factor
            latents = scheduler.add_noise(latents, noise, times[:1].expand(count))
            for time in times:
                both = torch.cat([latents, latents]).to(weight)
                told = time.to(weight.device).expand(2 * count)
                without, beside = unet(both, told, tokens["text"], tokens["vision"], mixing).chunk(2)
                said = without + guidance * (beside - without)
                latents = scheduler.step(said, time, latents, return_dict=False)[0]
            pictures = vae.decode((latents / vae.config.scaling_factor).to(weight)).sample.float()
            made.append(((pictures.clamp(-1, 1) + 1) * 127.5).round().permute(0, 2, 3, 1).byte().cpu())
    return torch.cat(made)


def _two(seed: int, shape: Any) -> tuple[Tensor, Tensor]:
    import torch

    source = torch.Generator().manual_seed(seed)
    return torch.randn(shape, generator=source), torch.randn(shape, generator=source)
