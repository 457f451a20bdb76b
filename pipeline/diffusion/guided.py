"""Guidance by published networks, and the noise that each of them was trained with."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from inspect import signature
from typing import TYPE_CHECKING, Any

from ..errors import ShapeError
from ..models.vision_ops import prepare_torchvision
from ..models.weights import WeightsMissing
from .process import Process

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from pathlib import Path

    import numpy as np
    from numpy.typing import NDArray
    from torch import Tensor

    from .process import Sampler
    from .sample import Network

    Telling = Callable[[Tensor, Tensor], Tensor]
    """Of noisy latents and noise steps (picture,), the noise in them."""


@dataclass(frozen=True)
class Described(Process):
    """The noise that a published model was trained with, painted from by "ddim" alone.

    Parameters
    ----------
    said
        As `described_noise` returns it.
    """

    said: Mapping[str, Any] = field(default_factory=dict)

    def _made(self, sampler: Sampler) -> Any:
        del sampler
        prepare_torchvision()
        from diffusers import DDIMScheduler

        known = signature(DDIMScheduler).parameters
        # Latents go beyond -1 to 1; by DDIM's own default they would be clipped.
        kept = {"clip_sample": False} | {key: one for key, one in self.said.items() if key in known}
        return DDIMScheduler(**kept)


def described_noise(folder: Path) -> dict[str, Any]:
    """Return what a folder `scheduler` says of the noise a model was trained with.

    Raises
    ------
    WeightsMissing
        If it can't be read.
    """
    place = folder / "scheduler_config.json"
    try:
        said: Any = json.loads(place.read_text("utf-8"))
    except (OSError, ValueError):
        said = None
    if not isinstance(said, dict) or "beta_schedule" not in said:
        raise WeightsMissing(f"{place} describes no noise; fetch the folder again")
    return said


def halves(guidance: float) -> int:
    """Return how often a network is asked about each picture: twice, where there is guidance."""
    return 1 if guidance == 1 else 2


def beside(untold: Tensor, told: Tensor, guidance: float) -> Tensor:
    """Return (halves * picture, feature): what untold ones are told of, then the others."""
    import torch

    return torch.cat([untold.expand_as(told), told][-halves(guidance) :])


def guided(telling: Telling, guidance: float) -> Network:
    """Return a network as samplers take it, both halves of its guidance in one batch.

    Parameters
    ----------
    telling
        The network under what `beside` returned.
    guidance
        How far to go beyond what is told (Ho and Salimans, 2022); 1 takes it as it is.
    """
    import torch

    many = halves(guidance)

    def network(noisy: Tensor, time: Tensor, _condition: Tensor | None) -> Tensor:
        said = telling(noisy.repeat(many, 1, 1, 1), time.repeat(many)).float()
        if many == 1:
            return said
        untold, told = said.chunk(2)
        return torch.lerp(untold, told, guidance)

    return network


def check(conditions: Mapping[str, NDArray[np.float32]], roles: Mapping[str, int], needed: str) -> None:
    """Refuse conditions that a generator doesn't take.

    Raises
    ------
    ShapeError
        Naming the role, what was found and what was expected.
    """
    if needed not in conditions:
        found = ", ".join(conditions) or "none"
        raise ShapeError(f"there are no features in the role {needed!r}, which is needed; found: {found}")
    for role, values in conditions.items():
        if role not in roles:
            raise ShapeError(f"role {role!r} is none of this generator's; it takes {', '.join(roles)}")
        if values.ndim != 2 or values.shape[1] != roles[role]:
            raise ShapeError(
                f"features in the role {role!r} have shape {values.shape}; expected (picture, {roles[role]})"
            )
