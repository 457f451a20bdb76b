"""Frozen autoencoders: from a latent to a picture, by any that diffusers knows."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from ..errors import ShapeError, nearest
from .vision_ops import prepare_torchvision
from .weights import STABLE_DIFFUSION_VAE, WeightsMissing, config, find, identity

if TYPE_CHECKING:
    from collections.abc import Mapping

    from torch import Tensor, nn

#: As the published config.json has it; what `weights = "random"` builds, at full size.
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
            return cls(STABLE_DIFFUSION, None)
        folder = find(weights, STABLE_DIFFUSION_VAE)
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

    def identity(self) -> dict[str, str]:
        """Return what tells its weights from others, for a fingerprint."""
        from pathlib import Path

        return {"weights": "random"} if self.folder is None else identity(Path(self.folder))

    @property
    def factor(self) -> int:
        """How much larger a picture is than its latent."""
        levels = len(self.described["block_out_channels"])
        return 1 << (levels - 1)

    @property
    def channels(self) -> int:
        """Channels of a latent."""
        found: int = self.described["latent_channels"]
        return found

    def skeleton(self) -> nn.Module:
        """Return it without memory for its weights."""
        import torch

        with torch.device("meta"):
            return self._make()

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
        if not (name.startswith("Autoencoder") and hasattr(diffusers, name)):
            known = [one for one in dir(diffusers) if one.startswith("Autoencoder")]
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


def decode(autoencoder: nn.Module, latents: Tensor) -> Tensor:
    """Return (picture, channel, y, x), about -1 to 1, of (picture, channel, y, x) latents as they are.

    FMRI2IMG doesn't divide by the scaling factor that diffusion models use; its encoder learns the scale.
    """
    network: Any = autoencoder
    made: Tensor = network.decode(latents, return_dict=False)[0]
    return made
