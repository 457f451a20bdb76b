"""What a network is to learn: which noise is on a picture, or which latent an autoencoder makes it of."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

from ..diffusion.process import STEPS
from ..diffusion.sample import Manner, paint
from ..models.autoencoder import decode
from .augment import augmented, drawn

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from typing import Any

    from torch import Generator, Tensor, nn

    from ..diffusion.process import Process

#: How pictures are painted that show how far a training is.
QUICK = Manner(sampler="ddim", steps=8)


class Objective(Protocol):
    """A loss, and the chance it needs."""

    def draw(self, batch: Mapping[str, Tensor], chance: Generator) -> dict[str, Tensor]:
        """Return what is drawn for a batch, an entry a picture, on the CPU."""
        ...

    def loss(self, network: Any, batch: Mapping[str, Tensor]) -> Tensor:
        """Return the mean loss over the pictures of a batch that holds what was drawn, too."""
        ...

    def show(self, network: Any, batch: Mapping[str, Tensor], seeds: Sequence[int]) -> Tensor:
        """Return what a network makes of a batch: (picture, channel, y, x), -1 to 1; quick, not its best."""
        ...


@dataclass(frozen=True)
class Denoising:
    """Tell the noise, or the clean picture, of a noisy one: the squared error (Ho et al., 2020).

    Parameters
    ----------
    process
        How pictures are noised.
    dropout
        Share of pictures shown without their condition, so that guidance is possible (Ho and Salimans, 2022).
    """

    process: Process
    dropout: float = 0.0

    def draw(self, batch: Mapping[str, Tensor], chance: Generator) -> dict[str, Tensor]:
        """Return noise, noise steps from 1 on as published, and who is shown without a condition."""
        import torch

        count, shape = len(batch["picture"]), batch["picture"].shape
        return {
            "noise": torch.randn(shape, generator=chance),
            "time": torch.randint(1, STEPS, (count,), generator=chance),
            "dropped": torch.rand(count, generator=chance) < self.dropout,
        }

    def loss(self, network: Any, batch: Mapping[str, Tensor]) -> Tensor:
        """Return the squared error of what is told; the less noise on a picture, the more it weighs."""
        clean, noise, time = batch["picture"], batch["noise"], batch["time"]
        told = network(self.process.noisy(clean, noise, time), time, batch.get("condition"), batch["dropped"])
        wanted = self.process.target(clean, noise, time)
        errors = (told.float() - wanted).square().mean(dim=(1, 2, 3))
        made: Tensor = (self.process.weight(time) * errors).mean()
        return made

    def show(self, network: Any, batch: Mapping[str, Tensor], seeds: Sequence[int]) -> Tensor:
        """Return pictures painted in few steps, from the noise of each seed."""
        picture = batch["picture"]
        told = batch.get("condition")
        return paint(network, self.process, QUICK, told, seeds, picture.shape[1:], device=picture.device)


@dataclass(frozen=True)
class Pixels:
    """Find the latent whose picture is the one seen: the squared error of pixels, as FMRI2IMG has it.

    Parameters
    ----------
    autoencoder
        Frozen; the error goes through it to the encoder.
    augment
        Whether the pictures, those of the validation too, are blurred and enlarged at random.
    """

    autoencoder: nn.Module
    augment: bool = False

    def draw(self, batch: Mapping[str, Tensor], chance: Generator) -> dict[str, Tensor]:
        """Return how pictures are augmented, if they are; there is no other chance in it."""
        return drawn(len(batch["picture"]), chance) if self.augment else {}

    def loss(self, network: Any, batch: Mapping[str, Tensor]) -> Tensor:
        """Return the squared error of the decoded pictures."""
        seen = batch["picture"]
        if self.augment:
            seen = augmented(seen, batch["blur"], batch["zoom"])
        made = decode(self.autoencoder, network(batch["condition"]), seen.shape[1])
        error: Tensor = (made.float() - seen).square().mean()
        return error

    def show(self, network: Any, batch: Mapping[str, Tensor], seeds: Sequence[int]) -> Tensor:
        """Return the decoded pictures; there is no noise in them."""
        import torch

        del seeds
        with torch.inference_mode():
            return decode(self.autoencoder, network(batch["condition"]), batch["picture"].shape[1])
