"""The spaces in which recordings are written: volumes of two resolutions, and surfaces."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from .shelf import Shelf

SPACES = ("func1pt8mm", "func1mm", "nativesurface", "fsaverage")
"""NSD's names; the first is the one in which the brain is simulated, the others are made from it."""
BETAS = "betas_fithrf_GLMdenoise_RR"


@dataclass(frozen=True)
class Known:
    """What files say of the voxels beside their responses.

    Attributes
    ----------
    echo : ndarray
        (voxel) float32, mean intensity of the scan.
    valid : ndarray
        (session, voxel) bool, holds data.
    ncsnr : ndarray
        (voxel) float32, standard deviation of the signal over that of a single trial's noise.
    """

    echo: NDArray[np.float32]
    valid: NDArray[np.bool_]
    ncsnr: NDArray[np.float32]


class Space(Protocol):
    """Writes what a subject's files say in one space."""

    def write_brain(self, shelf: Shelf, subject: str, known: Known) -> None:
        """Write masks, regions and noise ceilings."""

    def write_session(
        self, shelf: Shelf, subject: str, folder: str, name: str, betas: NDArray[np.int16]
    ) -> None:
        """Write the betas (trial, voxel) of a session into a folder of betas."""

    def write_mean(self, shelf: Shelf, subject: str, name: str, mean: NDArray[np.float64]) -> None:
        """Write the mean betas (voxel) in percent signal change, where the space has such a file."""
