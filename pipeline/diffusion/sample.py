"""Painting: from noise to pictures, a noise step at a time."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from ..models.noise import draw, generators

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from torch import Tensor

    from .process import Process, Sampler

    Network = Callable[[Tensor, Tensor, Tensor | None], Tensor]


@dataclass(frozen=True)
class Manner:
    """How pictures are painted.

    Parameters
    ----------
    sampler
        "ddpm" (Ho et al., 2020) draws noise at every step, "ddim" (Song et al., 2021) only at the start, as
        does "plms" (Liu et al., 2022), which looks back at the steps before.
    steps
        Noise steps taken, of the 1000 of training.
    guidance
        How far to go beyond what the condition says (Ho and Salimans, 2022); 1 takes it as it is.
    strength
        How much of a picture to start from is painted over (Meng et al., 2022, SDEdit): 0 leaves it as it is,
        1 starts from noise alone.
    overshoot
        Whether that picture gets the noise of the step before the first that is taken, as in the img2img of
        Rombach et al. (2022), and so in Brain-Diffuser; else it has as much as the first step expects.
    """

    sampler: Sampler = "ddim"
    steps: int = 25
    guidance: float = 1.0
    strength: float = 1.0
    overshoot: bool = False

    @property
    def taken(self) -> int:
        """How many of `steps` are taken, the last ones."""
        return int(self.steps * self.strength + 1e-9)  # 0.29 * 100 is a little less than 29


def paint(
    network: Network,
    process: Process,
    manner: Manner,
    condition: Tensor | None,
    seeds: Sequence[int],
    shape: Sequence[int],
    start: Tensor | None = None,
    *,
    device: Any = None,
) -> Tensor:
    """Return pictures painted from noise, or from other pictures under noise.

    Parameters
    ----------
    network
        Of (noisy pictures, noise steps (picture,), condition or None).
    process
        What it was trained against.
    manner
        How to paint.
    condition
        (picture, feature), on the device to paint on; None paints without.
    seeds
        One a picture; all its noise comes from it.
    shape
        (channel, y, x) of one picture.
    start
        (picture, channel, y, x), -1 to 1, to start from; all but `manner.strength` of the way is spared.
    device
        Where to paint; default where the condition is.

    Returns
    -------
    (picture, channel, y, x) float32, about -1 to 1.
    """
    import torch

    scheduler = process.scheduler(manner.sampler, manner.steps)
    sources = generators(seeds)
    if device is None:
        device = condition.device if condition is not None else torch.device("cpu")
    noise = draw(sources, shape).to(device, torch.get_default_dtype())
    noisy, times = _begun(scheduler, manner, noise, start)
    further = {"generator": sources} if manner.sampler == "ddpm" else {}
    with torch.inference_mode():
        for time in times:
            said = _guided(network, noisy, time, condition, manner.guidance)
            if manner.sampler == "plms":
                said = process.as_noise(scheduler, said, noisy, time)
            noisy = scheduler.step(said, time, noisy, return_dict=False, **further)[0]
    return noisy


def _begun(
    scheduler: Any, manner: Manner, noise: Tensor, start: Tensor | None
) -> tuple[Tensor, Sequence[int]]:
    """Return what painting begins from, and the noise steps that are to be taken."""
    times: list[int] = scheduler.timesteps.tolist()
    if start is None or manner.taken == manner.steps:
        return noise * scheduler.init_noise_sigma, times
    if manner.taken == 0:
        return start, []
    known = list(dict.fromkeys(times))
    left = known[-manner.taken :]
    level = known[-manner.taken - 1] if manner.overshoot else left[0]
    if manner.sampler == "plms":
        left[1:1] = left[1:2]  # it takes its second step twice, having no steps before to look back at
    return scheduler.add_noise(start, noise, scheduler.timesteps.new_full((len(noise),), level)), left


def _guided(network: Network, noisy: Tensor, time: int, condition: Tensor | None, guidance: float) -> Tensor:
    import torch

    steps = torch.full((len(noisy),), time, device=noisy.device)
    told = network(noisy, steps, condition)
    if guidance == 1 or condition is None:
        return told
    blind = network(noisy, steps, None)
    made: Tensor = blind + guidance * (told - blind)
    return made
