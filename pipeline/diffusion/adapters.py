"""Stable Diffusion told of a picture by its pooled CLIP embedding, through an IP-Adapter (Ye et al., 2023).

What a ridge predicts, 1,024 numbers that OpenCLIP ViT-H/14 would say of a picture, stands in their place.
What is painted without them, for guidance, is told of zeros, as the adapter was trained; where no text is
predicted, both are told of the empty one.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

from ..errors import RecipeError, nearest
from ..models import architectures as sizes
from ..models.autoencoder import RANDOM
from ..models.device import device
from ..models.image_prompt import WIDTH, adapt, adapted_skeleton, adapter, width_of
from ..models.parts import Part, placed
from ..models.stable_diffusion import BASES, Base, StableDiffusion, no_text, text_width
from ..models.weights import identity, located
from .guided import described_noise
from .latent import Latent

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from torch import Tensor
    from torch import dtype as Dtype  # noqa: N812


@dataclass(frozen=True)
class IpAdapter(Latent):
    """Paints from pooled CLIP embeddings, role "image"; texts, role "text", may be left out.

    A text is what the base's own text encoders say of it, flattened: 77 tokens that its UNet attends to,
    then, for "sdxl", the pooled embedding.

    Parameters
    ----------
    weights
        "published", "random", or a folder that holds what `vox2pix weights fetch --to` has written.
    batch
        Pictures painted at once.
    size
        Side of the pictures, a multiple of 8; 0 is what the base was trained on: 1024, for "sd15" 512.
    steps
        Noise steps of 1000; 50 as in diffusers' pipelines of both bases.
    guidance
        How far to go beyond what is painted untold; 5 as in diffusers' pipeline of "sdxl". Its pipeline of
        "sd15" takes 7.5.
    strength
        How much of a picture to start from is painted over; as in Brain-Diffuser.
    dtype
        Of the networks, by torch's name; default float16 on an NVIDIA GPU, else float32. Latents are float32
        between the steps in any case.
    base
        "sdxl" (with the adapter's `vit-h` form) or "sd15".
    scale
        How much the embedding counts beside the text: 1 as published for a picture without words.
    """

    size: int = 0
    guidance: float = 5.0
    base: Literal["sdxl", "sd15"] = "sdxl"
    scale: float = 1.0

    def __post_init__(self) -> None:
        """Take the base's own side where none is said, and refuse what can't be painted."""
        if self.base not in BASES:
            raise RecipeError(
                f"{self.base!r} is no base of ip-adapter; known are {', '.join(BASES)}"
                f"{nearest(self.base, BASES)}"
            )
        object.__setattr__(self, "size", self.size or self._base.side)
        super().__post_init__()

    @property
    def roles(self) -> Mapping[str, int]:
        """How many features each role takes: "image" always, "text" where one is predicted."""
        place = self._adapter
        return {
            "image": WIDTH if place is None else width_of(place),
            "text": text_width(self._unet.described),
        }

    @property
    def called(self) -> str:
        """What tells these networks from others of the same weights."""
        return f"ip-adapter on {self.base}, scale {self.scale}"

    @property
    def noise(self) -> Mapping[str, Any]:
        """What is said of the noise that the base was trained with."""
        name = f"{self._base.model}/scheduler"
        return sizes.NOISE if self.weights == "random" else described_noise(located(name, self.weights))

    def identity(self) -> dict[str, str]:
        """Return what tells the weights from others: sha256 by file."""
        place = self._adapter
        if place is None:
            return {"weights": "random"}
        parts = [self._unet, self._vae, *self.once]
        found = {name: one for part in parts for name, one in part.identity().items()}
        noise = f"{self._base.model}/scheduler"
        return found | identity(place) | identity(located(noise, self.weights), noise)

    def networks(self, numbers: Dtype) -> StableDiffusion:
        """Load UNet, adapter and autoencoder."""
        unet = self._unet.load(numbers)
        adapt(unet, adapter(self._adapter, unet), self.scale)
        vae = self._vae.load(self.exact(numbers))
        return StableDiffusion(placed(unet, device()), placed(vae, device()))

    def layout(self) -> StableDiffusion:
        """Return them without memory for their weights."""
        unet = adapted_skeleton(self._unet.skeleton(), self.roles["image"])
        return StableDiffusion(unet, self._vae.skeleton())

    def untold(self, numbers: Dtype) -> dict[str, Tensor]:
        """Return zeros for a picture, and the empty text."""
        import torch

        text = no_text(self._base.texts, self.once, numbers, device())
        return {"image": torch.zeros(1, self.roles["image"]), "text": text}

    @property
    def once(self) -> list[Part]:
        """The text encoders."""
        return [self._part(one.part, one.kind, one.random) for one in self._base.texts]

    def exact(self, numbers: Dtype) -> Dtype:
        """Return float32 for an autoencoder that says that it overflows in halves, as SDXL's does."""
        import torch

        overflows = bool(self._vae.described.get("force_upcast")) and numbers == torch.float16
        return torch.float32 if overflows else numbers

    @property
    def _base(self) -> Base:
        return BASES[self.base]

    @property
    def _unet(self) -> Part:
        return self._part("unet", "UNet2DConditionModel", self._base.unet)

    @property
    def _vae(self) -> Part:
        return self._part("vae", "AutoencoderKL", RANDOM)

    def _part(self, name: str, kind: str, random: Mapping[str, Any]) -> Part:
        return Part.of(f"{self._base.model}/{name}", kind, self.weights, random)

    @property
    def _adapter(self) -> Path | None:
        return None if self.weights == "random" else located(self._base.adapter, self.weights)
