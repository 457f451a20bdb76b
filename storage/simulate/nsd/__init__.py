"""A simulated release of the Natural Scenes Dataset (NSD) in its real file layout, with a known code."""

from __future__ import annotations

from .release import simulate_nsd

__all__ = ["simulate_nsd"]
