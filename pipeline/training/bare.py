"""Encoding, painting and training as one writes them by hand: the same networks and batches, all in memory.

Nothing here is used by a run. It is what a run's are measured beside.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from ..diffusion.process import STEPS
from ..models.networks import build, fill, from_bytes

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from typing import Any

    from numpy.typing import NDArray
    from torch import Tensor

    from storage.remote import Location

    from ..diffusion.process import Process
    from ..features.encoders import PictureEncoder
    from .examples import Examples
    from .settings import Settings


def network_of(
    model: str, described: Mapping[str, Any], weights: Location | None = None, batch: int = 0
) -> Any:
    """Return a network, with weights from a file; of a batch size, torch has chosen its routines by then."""
    import torch

    made = build(model, described)
    if weights is not None:
        fill(made, from_bytes(weights.read()), str(weights))
    if batch:
        side = described["size"]
        noisy = torch.randn(batch, described["channels"], side, side)
        made(noisy, torch.full((batch,), 500), torch.randn(batch, described["width"])).mean().backward()
        made.zero_grad()
    return made


def encoded(pictures: NDArray[Any], encoder: PictureEncoder, batch: int) -> NDArray[Any]:
    """Return (picture, feature) float32 of (picture, y, x, channel) uint8."""
    import torch

    network, made = encoder.pretrained.on_worker(), []
    with torch.inference_mode():
        for start in range(0, len(pictures), batch):
            shown = encoder.shown(pictures[start : start + batch])
            told = encoder.tell(network, shown, np.arange(start, start + len(shown)))
            made.append(told.flatten(1).numpy())
    return np.concatenate(made)


def painted(network: Any, process: Process, conditions: NDArray[Any], steps: int, batch: int) -> Tensor:
    """Return (picture, channel, y, x) uint8 of conditions (picture, feature), by DDIM from any noise."""
    import torch

    scheduler, shape = process.scheduler("ddim", steps), (network.channels, network.size, network.size)
    network.eval()
    made = []
    with torch.inference_mode():
        for told in torch.from_numpy(conditions).split(batch):
            scheduler.set_timesteps(steps)
            noisy = torch.randn(len(told), *shape)
            for time in scheduler.timesteps:
                said = network(noisy, time.expand(len(told)), told)
                noisy = scheduler.step(said, time, noisy, return_dict=False)[0]
            made.append(((noisy.clamp(-1, 1) + 1) * 127.5).round().byte())
    return torch.cat(made)


def learning(
    network: Any, process: Process, examples: Examples, settings: Settings, dropout: float
) -> Callable[[], None]:
    """Return a step of training: draw, forth, back, AdamW, the average of the weights."""
    import torch

    assert examples.condition is not None
    pictures = torch.from_numpy(examples.pictures).permute(0, 3, 1, 2).float() / 127.5 - 1
    seen, conditions = torch.from_numpy(examples.seen), torch.from_numpy(examples.condition)
    optimiser = torch.optim.AdamW(network.parameters(), lr=settings.learning_rate)
    average = [one.detach().clone() for one in network.parameters()]
    batch = settings.batch

    def step() -> None:
        """Learn from one batch."""
        rows = torch.randint(len(seen), (batch,))
        clean = pictures[seen[rows]]
        noise, time, dropped = torch.randn_like(clean), torch.randint(1, STEPS, (batch,)), torch.rand(batch)
        told = network(process.noisy(clean, noise, time), time, conditions[rows], dropped < dropout)
        errors = (told - process.target(clean, noise, time)).square().mean(dim=(1, 2, 3))
        (process.weight(time) * errors).mean().backward()
        optimiser.step()
        optimiser.zero_grad()
        with torch.no_grad():
            for kept, now in zip(average, network.parameters(), strict=True):
                kept.lerp_(now, 1 - settings.ema)

    return step
