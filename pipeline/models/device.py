"""What a task computes networks on."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

from ..device import CPU, device_in_use

if TYPE_CHECKING:
    from collections.abc import Callable

    from ..device import Device

Kind = Literal["cuda", "mps", "cpu"]
"""An NVIDIA GPU, an Apple GPU, or the processor."""


def device() -> Kind:
    """Return what the task that asks computes networks on, as it was placed; see `placed_on`."""
    return placed_on(device_in_use(), fastest)


def placed_on(placed: Device, fastest: Callable[[], Kind]) -> Kind:
    """Return what networks are computed on.

    A task that was placed on the CPU stays there also where its worker has a GPU: its product was given up
    by one, or begun without.

    Parameters
    ----------
    placed
        What the task was placed for.
    fastest
        Tells what torch finds; asked only where that is open.
    """
    kept = placed.binding and placed.name.removeprefix("torch:") == CPU.name
    return "cpu" if kept else fastest()


def fastest() -> Kind:
    """Return the fastest that torch finds in this process."""
    import torch

    if torch.cuda.is_available():
        return "cuda"
    return "mps" if torch.backends.mps.is_available() else "cpu"
