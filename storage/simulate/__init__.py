"""Small simulated releases with a known code between picture and voxel."""

from __future__ import annotations

from .arrays import Simulated, simulate_arrays

__all__ = ["Simulated", "simulate_arrays"]
