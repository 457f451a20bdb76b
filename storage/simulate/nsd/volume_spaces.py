"""The functional volumes of 1.8 and of 1 mm, each with its masks, regions and betas in two formats."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from .anatomy import ATLASES, Anatomy
from .spaces import BETAS
from .volumes import MILLIMETRES, nifti_bytes, write_betas_hdf5, write_betas_nifti

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from .shelf import Shelf
    from .spaces import Known


@dataclass(frozen=True)
class VolumeSpace:
    """A functional volume.

    Attributes
    ----------
    name : str
        NSD's.
    edge : float
        Of a voxel, in millimetres.
    anatomy : Anatomy
        Where its voxels lie.
    origin : ndarray
        (voxel) int64, the voxel of the simulated brain whose responses each has.
    """

    name: str
    edge: float
    anatomy: Anatomy
    origin: NDArray[np.int64]

    def write_brain(self, shelf: Shelf, subject: str, known: Known) -> None:
        """Write the masks, the regions, and how reliable the voxels are."""
        folder = f"nsddata/ppdata/{subject}/{self.name}"
        self._put(shelf, f"{folder}/brainmask", np.ones(len(self.origin), np.int16), 0)
        self._put(shelf, f"{folder}/mean", known.echo[self.origin], 0)
        for session, valid in enumerate(known.valid, start=1):
            self._put(shelf, f"{folder}/valid_session{session:02}", valid[self.origin].astype(np.int16), 0)
        for atlas in ATLASES:
            self._write_atlas(shelf, f"{folder}/roi", atlas)
        self._put(shelf, f"{self._betas(subject, BETAS)}/ncsnr", known.ncsnr[self.origin], np.nan)

    def _write_atlas(self, shelf: Shelf, folder: str, atlas: str) -> None:
        """Write an atlas of both halves, and of each."""
        labels, left = self.anatomy.atlases[atlas], self.anatomy.left
        for half, within in {"": np.ones(len(left), bool), "lh.": left, "rh.": ~left}.items():
            self._put(shelf, f"{folder}/{half}{atlas}", np.where(within, labels, -1).astype(np.int16), -1)

    def write_session(
        self, shelf: Shelf, subject: str, folder: str, name: str, betas: NDArray[np.int16]
    ) -> None:
        """Write a session's betas in both formats."""
        place, here = f"{self._betas(subject, folder)}/betas_{name}", betas[:, self.origin]
        with shelf.file(f"{place}.hdf5") as path:
            write_betas_hdf5(path, here, self.anatomy)
        with shelf.file(f"{place}.nii.gz") as path:
            write_betas_nifti(path, here, self.anatomy, self.edge)

    def write_mean(self, shelf: Shelf, subject: str, name: str, mean: NDArray[np.float64]) -> None:
        """Write mean betas."""
        self._put(shelf, f"{self._betas(subject, BETAS)}/{name}", mean[self.origin].astype(np.float32), 0)

    def _betas(self, subject: str, folder: str) -> str:
        return f"nsddata_betas/ppdata/{subject}/{self.name}/{folder}"

    def _put(self, shelf: Shelf, name: str, values: NDArray[Any], outside: float) -> None:
        volume = self.anatomy.volume(values, outside)
        shelf.put(f"{name}.nii.gz", nifti_bytes(volume, self.edge))


def volume(anatomy: Anatomy) -> VolumeSpace:
    """Return the space in which the brain is simulated."""
    return VolumeSpace("func1pt8mm", MILLIMETRES, anatomy, np.arange(len(anatomy.ijk)))


def fine_volume(anatomy: Anatomy) -> VolumeSpace:
    """Return the same brain in voxels of 1 mm: each has the responses of the 1.8-mm voxel it lies in."""
    grid = tuple(int(np.ceil(count * MILLIMETRES)) for count in anatomy.grid)
    number = np.full(anatomy.grid, -1, np.int64)
    number[tuple(anatomy.ijk.T)] = np.arange(len(anatomy.ijk))
    x, y, z = (
        np.minimum(((np.arange(fine) + 0.5) / MILLIMETRES).astype(int), count - 1)
        for fine, count in zip(grid, anatomy.grid, strict=True)
    )
    voxel = number[np.ix_(x, y, z)]
    ijk = np.argwhere(voxel >= 0).astype(np.int32)
    origin = voxel[tuple(ijk.T)]
    atlases = {name: labels[origin] for name, labels in anatomy.atlases.items()}
    return VolumeSpace("func1mm", 1.0, Anatomy((grid[0], grid[1], grid[2]), ijk, atlases), origin)
