"""What a process computes networks on."""

from __future__ import annotations

from typing import Literal

Kind = Literal["cuda", "mps", "cpu"]
"""An NVIDIA GPU, an Apple GPU, or the processor."""


def device() -> Kind:
    """Return what this process computes networks on: the fastest that torch finds."""
    import torch

    if torch.cuda.is_available():
        return "cuda"
    return "mps" if torch.backends.mps.is_available() else "cpu"
