"""Frozen autoencoders: from a latent to a picture, by any that diffusers knows."""

from __future__ import annotations

import json
from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING, Any

from ..errors import ShapeError, nearest
from .vision_ops import prepare_torchvision
from .weights import WeightsMissing, config, identity, located

if TYPE_CHECKING:
    from collections.abc import Mapping

    from torch import Tensor, nn

PUBLISHED = "stable-diffusion-1-5/vae"
"""What FMRI2IMG decodes with, unless a recipe names another."""
#: As the published config.json has it.
STABLE_DIFFUSION: Mapping[str, Any] = {
    "_class_name": "AutoencoderKL",
    "in_channels": 3,
    "out_channels": 3,
    "down_block_types": ["DownEncoderBlock2D"] * 4,
    "up_block_types": ["UpDecoderBlock2D"] * 4,
    "block_out_channels": [128, 256, 512, 512],
    "layers_per_block": 2,
    "latent_channels": 4,
    "norm_num_groups": 32,
    "sample_size": 512,
}
PARAMETERS = 83_653_863
"""Parameters of the published one, encoder and decoder."""
#: What `weights = "random"` builds: the published one with fewer channels, to try a recipe with.
RANDOM: Mapping[str, Any] = {
    **STABLE_DIFFUSION,
    "block_out_channels": [16, 16, 16, 16],
    "norm_num_groups": 4,
}
OTHERS = ("AsymmetricAutoencoderKL", "VQModel")
"""Autoencoders of pictures that diffusers does not name so at the beginning."""


@dataclass(frozen=True)
class Autoencoder:
    """Which autoencoder: its description, and the folder of its weights."""

    described: Mapping[str, Any]
    folder: str | None
    """None for random weights."""

    @classmethod
    def of(cls, weights: str) -> Autoencoder:
        """Return the one a recipe's `weights` names: "published", "random" or a folder.

        Raises
        ------
        WeightsMissing
            If they are not on this machine; the message has the command that gets them.
        """
        if weights == "random":
            return cls(RANDOM, None)
        folder = located(PUBLISHED, weights)
        return cls(config(folder), str(folder))

    def latent_side(self, size: int) -> int:
        """Return the side of the latent of a picture.

        Raises
        ------
        ShapeError
            If there is none.
        """
        if size % (2 * self.factor):
            raise ShapeError(
                f"the autoencoder makes pictures {self.factor} times as large as its latents, whose side is "
                f"even; size = {size} is none of them: take a multiple of {2 * self.factor}"
            )
        return size // self.factor

    def check_pictures(self, channels: int) -> None:
        """Refuse pictures it makes none like; grey ones are the mean of what it makes.

        Raises
        ------
        ShapeError
            If its pictures have other channels, and it isn't grey that is asked for.
        """
        if channels not in (1, self.shape[0]):
            raise ShapeError(
                f"the autoencoder makes pictures of {self.shape[0]} channels, and the pictures of these data "
                f"have {channels}; name another in `weights`"
            )

    def identity(self) -> dict[str, str]:
        """Return what tells its weights from others, for a fingerprint."""
        from pathlib import Path

        return {"weights": "random"} if self.folder is None else identity(Path(self.folder))

    @property
    def factor(self) -> int:
        """How much larger a picture is than its latent."""
        return self.shape[1]

    @property
    def shape(self) -> tuple[int, int]:
        """Channels of a picture, and how much larger than its latent it is."""
        return _shape(json.dumps(self.described, sort_keys=True), self.folder)

    @property
    def channels(self) -> int:
        """Channels of a latent."""
        found = self.described.get("latent_channels")
        if not isinstance(found, int):
            raise WeightsMissing(f"{self.folder} describes no latent (latent_channels); name another folder")
        return found

    def skeleton(self) -> nn.Module:
        """Return it, frozen, without memory for its weights."""
        import torch

        with torch.device("meta"):
            return self._make().requires_grad_(requires_grad=False).eval()

    def load(self) -> nn.Module:
        """Return it with its weights, frozen.

        Raises
        ------
        WeightsMissing
            If its class is not one of diffusers' autoencoders, or the weights are another's.
        """
        import torch

        if self.folder is None:
            with torch.random.fork_rng(devices=[]):
                torch.manual_seed(0)
                made = self._make()
        else:
            made = self._pretrained(self.folder)
        return made.requires_grad_(requires_grad=False).eval()

    def _class(self) -> Any:
        prepare_torchvision()
        import diffusers

        name = str(self.described.get("_class_name"))
        known = [one for one in dir(diffusers) if one.startswith("Autoencoder") or one in OTHERS]
        if name not in known:
            raise WeightsMissing(
                f"{self.folder} holds a {name!r}, which is none of diffusers' autoencoders"
                f"{nearest(name, known)}"
            )
        return getattr(diffusers, name)

    def _make(self) -> nn.Module:
        made: nn.Module = self._class().from_config(dict(self.described))
        return made

    def _pretrained(self, folder: str) -> nn.Module:
        try:
            made: nn.Module = self._class().from_pretrained(
                folder, local_files_only=True, use_safetensors=True, low_cpu_mem_usage=True
            )
        except (OSError, ValueError, RuntimeError) as error:
            reason = next(iter(str(error).strip().splitlines()), type(error).__name__)
            raise WeightsMissing(
                f"the weights in {folder} could not be read ({reason}); fetch them again"
            ) from None
        return made


@cache
def _shape(described: str, folder: str | None) -> tuple[int, int]:
    """Decode a latent that takes no memory, and look at what comes out."""
    import torch

    autoencoder, side = Autoencoder(json.loads(described), folder), 8
    try:
        network: Any = autoencoder.skeleton()
        with torch.no_grad():
            latent = torch.zeros(1, autoencoder.channels, side, side, device="meta")
            _, channels, height, width = network.decode(latent, return_dict=False)[0].shape
    except (RuntimeError, ValueError, TypeError, AttributeError, IndexError) as error:
        reason = next(iter(str(error).strip().splitlines()), type(error).__name__)
        raise WeightsMissing(
            f"{folder} holds an autoencoder that decodes no (picture, channel, y, x) latent "
            f"({reason[:120]}); name one of single pictures"
        ) from None
    if height != width or height % side:
        raise WeightsMissing(f"{folder} makes pictures of {height} x {width} of a latent of {side} x {side}")
    return channels, height // side


def decode(autoencoder: nn.Module, latents: Tensor, channels: int | None = None) -> Tensor:
    """Return (picture, channel, y, x), about -1 to 1, of (picture, channel, y, x) latents as they are.

    FMRI2IMG doesn't divide by the scaling factor that diffusion models use; its encoder learns the scale.

    Parameters
    ----------
    autoencoder
        Frozen.
    latents
        As the encoder tells them.
    channels
        How many a picture is to have; 1 of several is their mean. Default as many as it makes.
    """
    network: Any = autoencoder
    made: Tensor = network.decode(latents, return_dict=False)[0]
    return made.mean(dim=1, keepdim=True) if channels == 1 else made


def encode(autoencoder: nn.Module, pictures: Tensor, channels: int) -> Tensor:
    """Return (picture, channel, y, x) latents, as `decode` takes them, of pictures from -1 to 1.

    Where the autoencoder tells a distribution, its mode; grey pictures are shown it in so many channels.
    """
    import torch

    network: Any = autoencoder
    told = network.encode(pictures.expand(-1, channels, -1, -1), return_dict=False)[0]
    latents: Tensor = told if isinstance(told, torch.Tensor) else told.mode()
    return latents
