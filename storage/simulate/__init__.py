"""Small simulated releases with a known code between picture and voxel."""

from __future__ import annotations

from .arrays import Simulated, simulate_arrays
from .nsd import simulate_nsd

__all__ = ["SIMULATORS", "Simulated", "simulate_arrays", "simulate_nsd"]

#: What simulates a data set, by its name in recipes.
SIMULATORS = {"nsd": simulate_nsd, "arrays": simulate_arrays}
