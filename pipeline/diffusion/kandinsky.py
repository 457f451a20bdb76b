"""Kandinsky 2.2's decoder, told of a picture by its pooled CLIP embedding: the permissive alternative.

Its prior, which makes embeddings of texts, isn't needed: what a ridge predicts, 1,280 numbers that OpenCLIP
ViT-bigG/14 (laion2b_s39b_b160k) would say of a picture, stands in their place. What is painted without them,
for guidance, is told what the same encoder says of a picture of zeros, as published.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar

from ..models import architectures as sizes
from ..models.device import device
from ..models.kandinsky import KandinskyDecoder, nothing_seen
from ..models.parts import Part, placed
from ..models.weights import identity, located
from .guided import described_noise
from .latent import Latent

if TYPE_CHECKING:
    from collections.abc import Mapping

    from torch import Tensor
    from torch import dtype as Dtype  # noqa: N812

MODEL, PRIOR = "kandinsky-2-2", "kandinsky-2-2-prior"


@dataclass(frozen=True)
class Kandinsky(Latent):
    """Paints from pooled CLIP embeddings, role "image".

    Parameters
    ----------
    weights
        "published", "random", or a folder that holds what `vox2pix weights fetch --to` has written.
    batch
        Pictures painted at once.
    size
        Side of the pictures, a multiple of 64; 512 as published.
    steps
        Noise steps of 1000; 50 as for "ip-adapter". Steps are DDIM's, which draw nothing on the way;
        diffusers' pipeline takes 100 of DDPM's.
    guidance
        How far to go beyond what is painted untold; 4 as in diffusers' pipeline.
    strength
        How much of a picture to start from is painted over; as in Brain-Diffuser.
    dtype
        Of the networks, by torch's name; default float16 on an NVIDIA GPU, else float32. Latents are float32
        between the steps in any case.
    """

    guidance: float = 4.0

    multiple: ClassVar[int] = 64

    @property
    def roles(self) -> Mapping[str, int]:
        """How many features the role "image" takes."""
        return {"image": int(self._unet.described["encoder_hid_dim"])}

    @property
    def called(self) -> str:
        """What tells these networks from others of the same weights."""
        return MODEL

    @property
    def noise(self) -> Mapping[str, Any]:
        """What is said of the noise that it was trained with."""
        if self.weights == "random":
            return sizes.KANDINSKY_NOISE
        return described_noise(located(f"{MODEL}/scheduler", self.weights))

    def identity(self) -> dict[str, str]:
        """Return what tells the weights from others: sha256 by file."""
        if self.weights == "random":
            return {"weights": "random"}
        parts = [self._unet, self._movq, *self.once]
        found = {name: one for part in parts for name, one in part.identity().items()}
        noise = f"{MODEL}/scheduler"
        return found | identity(located(noise, self.weights), noise)

    def networks(self, numbers: Dtype) -> KandinskyDecoder:
        """Load UNet and autoencoder."""
        made = (placed(one.load(numbers), device()) for one in (self._unet, self._movq))
        return KandinskyDecoder(*made)

    def layout(self) -> KandinskyDecoder:
        """Return them without memory for their weights."""
        return KandinskyDecoder(self._unet.skeleton(), self._movq.skeleton())

    def untold(self, numbers: Dtype) -> dict[str, Tensor]:
        """Return the embedding of a picture of zeros."""
        return {"image": nothing_seen(self.once[0], numbers, device())}

    @property
    def once(self) -> list[Part]:
        """The image encoder, needed for `untold` alone."""
        kind = "CLIPVisionModelWithProjection"
        return [Part.of(f"{PRIOR}/image_encoder", kind, self.weights, sizes.RANDOM_VISION_G)]

    @property
    def _unet(self) -> Part:
        kind = "UNet2DConditionModel"
        return Part.of(f"{MODEL}/unet", kind, self.weights, sizes.RANDOM_KANDINSKY_UNET)

    @property
    def _movq(self) -> Part:
        return Part.of(f"{MODEL}/movq", "VQModel", self.weights, sizes.RANDOM_MOVQ)
