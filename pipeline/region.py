"""The rows and voxels of a ridge, and the way through them that takes the fewest operations."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class Region:
    """The rows and voxels a ridge runs on, and the way through it that takes the fewest operations."""

    rois: str
    """Name of the region, "all" for every voxel of the recipe."""
    training: int
    test: int
    voxels: int
    subset: str = ""
    """Feature space whose product `subset` tells the voxels, where some were dropped at random."""

    @property
    def name(self) -> str:
        """What products of the region are called."""
        return self.subset or self.rois

    @property
    def inputs(self) -> dict[str, str]:
        """Products that hold the region."""
        if self.subset:
            return {"responses": "responses", "voxels": f"subset/{self.subset}"}
        if self.rois == "all":
            return {"responses": "responses"}
        return {"responses": "responses", "voxels": "voxels"}

    @property
    def settings(self) -> dict[str, Any]:
        """What tells a stage the region."""
        return {} if self.subset or self.rois == "all" else {"rois": self.rois}

    @property
    def form(self) -> str:
        """Whether the Gram is of rows ("dual") or of voxels ("primal")."""
        from .ridge import choose_form

        return choose_form(self.training, self.voxels)

    def smoother(self, targets: int) -> str:
        """Return the stage that makes the smoother for so many targets."""
        from .ridge import choose_primal_form

        if self.form == "dual":
            return "dual_smoother"
        return f"primal_{choose_primal_form(self.training, self.voxels, self.test, targets)}"

    def spectral(self, targets: int, candidates: int, *, gcv: bool) -> bool:
        """Return whether alphas are scored by one eigendecomposition rather than a factor each."""
        from .ridge import choose_spectrum
        from .stages.choose import SAMPLE

        scored = min(targets, SAMPLE)
        return self.form == "primal" or choose_spectrum(self.training, scored, candidates, gcv=gcv)

    @property
    def unless_dual(self) -> dict[str, Any]:
        """What tells a stage the region, where it meets voxels: the dual does so in gram and cross alone."""
        return {} if self.form == "dual" else self.settings
