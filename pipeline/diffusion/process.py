"""How pictures are noised in training and freed of noise in painting: diffusers' schedulers, by name."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, Literal

from ..models.vision_ops import prepare_torchvision

if TYPE_CHECKING:
    from collections.abc import Mapping

    from torch import Tensor

Sampler = Literal["ddpm", "ddim", "plms"]
Prediction = Literal["sample", "epsilon", "v_prediction"]

STEPS = 1000
"""Noise steps of training, as in Ho et al. (2020)."""


@dataclass(frozen=True)
class Process:
    """What a network was trained against, and so has to be sampled by.

    Parameters
    ----------
    schedule
        Of the noise, by diffusers' name.
    prediction
        What the network tells of a noisy picture: the clean one ("sample"), its noise ("epsilon"), or
        Salimans and Ho's (2022) mixture of both.
    clip
        Whether a picture guessed on the way is clipped to what pictures can be.
    """

    schedule: str = "linear"
    prediction: Prediction = "epsilon"
    clip: bool = True
    variance: Literal["fixed_small", "fixed_large"] = "fixed_small"
    """Of the noise that "ddpm" draws at a step: the posterior's, or beta itself."""
    betas: tuple[float, float] = (0.0001, 0.02)
    """Variance that the first and the last noise step add, where the schedule asks for them; Ho et al.'s."""
    leading: bool = False
    """Whether "ddim" takes the steps 1, 1 + 1000 / steps and so on, as latent diffusion does (Rombach et al.,
    2022), and ends at noise step 0; else the last of training, and so on down to the clean picture."""
    most: float = 1.0
    """Most that a picture weighs in training. One in noise alone weighs 1, one with less noise 1 + its ratio
    of signal to noise (Salimans and Ho, 2022), up to this (Hang et al., 2023, take 5)."""

    def noisy(self, clean: Tensor, noise: Tensor, time: Tensor) -> Tensor:
        """Return clean pictures with so much noise as there is at noise steps (picture,)."""
        made: Tensor = _training(self, clean.device).add_noise(clean, noise, time)
        return made

    def target(self, clean: Tensor, noise: Tensor, time: Tensor) -> Tensor:
        """Return what the network should say of those noisy pictures."""
        if self.prediction == "sample":
            return clean
        if self.prediction == "epsilon":
            return noise
        made: Tensor = _training(self, clean.device).get_velocity(clean, noise, time)
        return made

    def weight(self, time: Tensor) -> Tensor:
        """Return what pictures weigh in training at noise steps (picture,)."""
        kept: Tensor = _training(self, time.device).alphas_cumprod.to(time.device)
        return (1 / (1 - kept[time])).clamp(max=self.most)

    def scheduler(self, sampler: Sampler, steps: int) -> Any:
        """Return a new scheduler for one batch of pictures; it remembers, so a batch needs its own."""
        made = self._made(sampler)
        made.set_timesteps(steps)
        return made

    def _made(self, sampler: Sampler) -> Any:
        prepare_torchvision()
        from diffusers import DDIMScheduler, DDPMScheduler, PNDMScheduler

        how: dict[str, Any] = {"num_train_timesteps": STEPS, "beta_schedule": self.schedule}
        how |= {"beta_start": self.betas[0], "beta_end": self.betas[1]}
        if (
            sampler == "plms"
        ):  # knows no prediction of the clean picture: `as_noise` turns it into one of noise
            told = "epsilon" if self.prediction == "sample" else self.prediction
            return PNDMScheduler(skip_prk_steps=True, prediction_type=told, **how)
        how |= {"prediction_type": self.prediction, "clip_sample": self.clip}
        if sampler == "ddpm":
            return DDPMScheduler(variance_type=self.variance, **how)
        if self.leading:
            return DDIMScheduler(timestep_spacing="leading", steps_offset=1, set_alpha_to_one=False, **how)
        # The last step of training is the first of painting (Lin et al., 2024), not one some steps before.
        return DDIMScheduler(timestep_spacing="trailing", **how)

    def as_noise(self, scheduler: Any, said: Tensor, noisy: Tensor, time: int) -> Tensor:
        """Return what a PLMS scheduler takes: the noise, where the network tells of the clean picture."""
        if self.prediction != "sample":
            return said
        clean = said.clamp(-1, 1) if self.clip else said
        kept = scheduler.alphas_cumprod[time].to(noisy)
        made: Tensor = (noisy - kept.sqrt() * clean) / (1 - kept).sqrt()
        return made


@cache
def _training(process: Process, device: Any) -> Any:
    """Return what noises pictures on a device: it takes 2 ms to make, and moves to where it is used."""
    del device
    return process._made("ddpm")  # noqa: SLF001


#: The noise of Stable Diffusion 1 and of Versatile Diffusion, in latents, as their authors' files have it.
LATENT = Process("scaled_linear", "epsilon", clip=False, betas=(0.00085, 0.012), leading=True)

#: What each network is trained against.
PROCESSES: Mapping[str, Process] = MappingProxyType(
    {
        # the clean picture is predicted: a small network draws an even background within minutes. Weights, as
        # shapes are seen only where there is little noise, and their errors are the small ones
        "conditional-ddpm": Process("squaredcos_cap_v2", "sample", most=5.0),
        # as published: Ho et al.'s (2020) linear schedule, their larger variance, nothing clipped on the way
        "voxel-ddpm": Process("linear", "epsilon", clip=False, variance="fixed_large"),
    }
)
