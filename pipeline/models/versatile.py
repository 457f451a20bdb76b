"""Versatile Diffusion (Xu et al., 2023) as far as it paints pictures: which networks, and their weights.

Of the published folder in diffusers' layout three parts are read: the autoencoder, the image UNet, and of the
text UNet the transformers with cross-attention, 416 of its tensors. The rest of that, three quarters, paints
texts. CLIP, which both are guided by, stands in `pipeline.models.clip`.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from .autoencoder import RANDOM, Autoencoder
from .checkpoint import read
from .networks import fill, nbytes
from .weights import config, identity, located, weight_files

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from torch import Tensor

    from .dual import DualUNet

NAME = "versatile-diffusion"
#: The image UNet as its authors' files describe it, 859.5 million parameters.
IMAGE_UNET: Mapping[str, Any] = {
    "sample_size": 64,
    "in_channels": 4,
    "out_channels": 4,
    "down_block_types": ["CrossAttnDownBlock2D"] * 3 + ["DownBlock2D"],
    "up_block_types": ["UpBlock2D"] + ["CrossAttnUpBlock2D"] * 3,
    "block_out_channels": [320, 640, 1280, 1280],
    "layers_per_block": 2,
    "cross_attention_dim": 768,
    "attention_head_dim": 8,  # their number, whatever diffusers calls it
    "norm_num_groups": 32,
}
#: What `weights = "random"` makes of it: as many layers, with few channels each.
SMALL: Mapping[str, Any] = {
    "block_out_channels": [8, 16, 32, 32],
    "attention_head_dim": 2,
    "norm_num_groups": 8,
}
SIDES = 64
"""Sides of pictures are multiples of this: the autoencoder halves them three times, then the UNet."""
FORMER = {"query": "to_q", "key": "to_k", "value": "to_v", "proj_attn": "to_out.0"}
"""What attention in autoencoders was called when the weights were published, and what it is called now."""
ATTENTION = re.compile(rf"(\.attentions\.\d+)\.({'|'.join(FORMER)})\.")


@dataclass(frozen=True)
class Networks:
    """The networks that paint."""

    unet: DualUNet
    autoencoder: Any
    """diffusers' AutoencoderKL."""

    @property
    def nbytes(self) -> int:
        """Bytes of the weights of both."""
        return nbytes(self.unet) + nbytes(self.autoencoder)

    def to(self, device: str, dtype: str) -> Networks:
        """Return them in a precision, on a device; on an NVIDIA GPU with channels last.

        Parameters
        ----------
        device, dtype
            By torch's names.
        """
        import torch

        layout = torch.channels_last if device == "cuda" else torch.preserve_format
        both: Any = torch.nn.ModuleList([self.unet, self.autoencoder])  # diffusers' own `to` warns needlessly
        both.to(device=device, dtype=getattr(torch, dtype), memory_format=layout)
        return self


@dataclass(frozen=True)
class Versatile:
    """Which networks: their descriptions, and the folder of their weights."""

    unet: Mapping[str, Any]
    autoencoder: Autoencoder
    folder: Path | None
    """None for random weights."""

    @classmethod
    def of(cls, weights: str) -> Versatile:
        """Return those that a recipe's `weights` names: "published", "random" or a path.

        Raises
        ------
        WeightsMissing
            If they are not on this machine, or only in part; the message has the command that gets them.
        """
        if weights == "random":
            from .clip import RANDOM as CLIP

            sizes = {**IMAGE_UNET, **SMALL, "cross_attention_dim": CLIP["embed_dim"]}
            return cls(sizes, Autoencoder(RANDOM, None), None)
        folder = located(NAME, weights)
        image, pictures = folder / "image_unet", folder / "vae"
        return cls(config(image), Autoencoder(config(pictures), str(pictures)), folder)

    @property
    def width(self) -> int:
        """Features of a token."""
        made: int = self.unet["cross_attention_dim"]
        return made

    def identity(self) -> dict[str, str]:
        """Return what tells the weights from others, for a fingerprint."""
        return {"weights": "random"} if self.folder is None else identity(self.folder, NAME)

    def skeleton(self) -> Networks:
        """Return them without memory for their weights."""
        import torch

        from .dual import DualUNet

        with torch.device("meta"):
            unet = DualUNet(self.unet).requires_grad_(requires_grad=False).eval()
        return Networks(unet, self.autoencoder.skeleton())

    def load(self) -> Networks:
        """Return them with their weights, in the precision of the files, which stay mapped into memory.

        Raises
        ------
        WeightsMissing
            If a file is damaged, or holds more than numbers.
        WrongNetwork
            If the weights are another network's.
        """
        if self.folder is None:
            return self._random()
        made = self.skeleton()
        image, text, pictures = (_weights(self.folder / part) for part in ("image_unet", "text_unet", "vae"))
        from .dual import joined

        fill(made.unet, joined(image, text), f"{self.folder} (image_unet, text_unet)")
        fill(made.autoencoder, renamed(pictures), f"{self.folder / 'vae'}")
        return made

    def _random(self) -> Networks:
        import torch

        from .dual import DualUNet

        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(0)
            unet = DualUNet(self.unet).requires_grad_(requires_grad=False).eval()
        return Networks(unet, self.autoencoder.load())


def _weights(folder: Path) -> dict[str, Tensor]:
    return {name: one for path in weight_files(folder) for name, one in read(path).items()}


def renamed(autoencoder: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """Return the weights of an autoencoder by the names of today."""
    return {
        ATTENTION.sub(lambda found: f"{found[1]}.{FORMER[found[2]]}.", name): one
        for name, one in autoencoder.items()
    }
