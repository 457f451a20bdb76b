"""The generator ``vdvae``: pictures of the first latents of the very deep VAE, the others by its prior.

In Brain-Diffuser (Ozcelik and VanRullen, 2023) these are the pictures that the diffusion model starts from.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING, Any

from ..errors import ShapeError
from ..features.resize import resize
from ..models.batches import in_batches
from ..models.hierarchy import IMAGENET64
from ..models.pretrained import Pretrained, vdvae
from ..models.threads import one_thread

if TYPE_CHECKING:
    from collections.abc import Mapping

    import numpy as np
    from numpy.typing import NDArray


@dataclass(frozen=True)
class Vdvae:
    """Paints from the first latents.

    Parameters
    ----------
    weights
        "published", "random" or a path.
    batch
        Pictures painted at once.
    size
        Side of the pictures. The network paints 64 pixels a side, which Pillow's bicubic filter resizes.
    layers
        How many latents are given; 31 in Brain-Diffuser.
    temperature
        What the standard deviations of the other latents are multiplied by; 1 in Brain-Diffuser.
    """

    weights: str = "published"
    batch: int = 16
    size: int = IMAGENET64.size
    layers: int = 31
    temperature: float = 1.0

    @property
    def _pretrained(self) -> Pretrained:
        return vdvae(self.weights)

    @property
    def roles(self) -> Mapping[str, int]:
        """How many numbers the given latents are."""
        return {"latents": IMAGENET64.columns(self.layers)}

    def paint(
        self,
        conditions: Mapping[str, NDArray[np.float32]],
        seeds: NDArray[np.int64],
        start: NDArray[np.uint8] | None = None,
    ) -> NDArray[np.uint8]:
        """Return (picture, y, x, channel) uint8; see `Conditioned`.

        Raises
        ------
        ShapeError
            If the latents are not as many as `layers` says, or there are pictures to start from.
        """
        latents, expected = conditions["latents"], self.roles["latents"]
        if latents.shape != (len(seeds), expected):
            raise ShapeError(
                f"latents have shape {latents.shape}; expected ({len(seeds)}, {expected}), those of "
                f"{self.layers} layers: set `layers` as in [features]"
            )
        if start is not None:
            raise ShapeError("generator 'vdvae' starts from no pictures; leave out `start`")
        network = self._pretrained.on_worker()

        def paint(latents: NDArray[np.float32], seeds: NDArray[np.int64]) -> NDArray[np.uint8]:
            with one_thread():
                return _painted(network, latents, seeds, self.temperature)

        made = in_batches(paint, [latents, seeds], self.batch)
        return resize(made, (self.size, self.size))

    def memory(self) -> tuple[int, int]:
        """Return the bytes of the network, and of its layers for a batch."""
        return _memory(self)

    def identity(self) -> dict[str, str]:
        """Return what tells its weights from others."""
        return self._pretrained.identity()


def _painted(
    network: Any, latents: NDArray[np.float32], seeds: NDArray[np.int64], temperature: float
) -> NDArray[np.uint8]:
    """Return pictures drawn from the mixtures of their pixels, each by its own noise."""
    import torch

    from ..models.logistics import as_levels
    from ..models.noise import generators

    sources = generators(seeds.tolist())
    with torch.inference_mode():
        mixture = network.decode(torch.from_numpy(latents), sources, temperature)
        made: NDArray[np.uint8] = as_levels(mixture.sample(sources)).cpu().numpy()
    return made


@cache
def _memory(generator: Vdvae) -> tuple[int, int]:
    import torch

    from ..models.layout import most_held
    from ..models.noise import generators

    pretrained = vdvae(generator.weights)
    network: Any = pretrained.skeleton()
    latents = torch.empty(generator.batch, generator.roles["latents"], device="meta")

    def paint() -> object:
        sources = generators(range(generator.batch))
        return network.decode(latents, sources, generator.temperature).sample(sources)

    with torch.no_grad():
        return pretrained.nbytes, most_held(paint, network.parameters())
