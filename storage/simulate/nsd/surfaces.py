"""The surfaces of both hemispheres, the subject's own and fsaverage: labels, betas, noise ceilings."""

from __future__ import annotations

import io
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from .anatomy import ATLASES
from .recording import SCALE
from .shelf import dateless_gzip
from .spaces import BETAS

if TYPE_CHECKING:
    from collections.abc import Mapping

    from numpy.typing import NDArray

    from .anatomy import Anatomy
    from .shelf import Shelf
    from .spaces import Known

    Numbers = NDArray[np.int64]

SIDES = ("lh", "rh")
WALL = 5
"""Vertices of a hemisphere that lie on no cortex, where nothing is measured."""
STRETCH = 1.25
"""So many times more vertices fsaverage has than the subject's own surface."""


@dataclass(frozen=True)
class Surface:
    """Both hemispheres of a surface.

    Attributes
    ----------
    name : str
        NSD's name of the space.
    origin : mapping of str to ndarray
        (vertex) int64 for "lh" and "rh", the voxel of the simulated brain whose responses a vertex has; -1
        where there is none.
    atlases : mapping of str to ndarray
        (voxel) int16, the labels of the brain's voxels.
    labels : str, optional
        The folder of labels; the subject's own by default. Empty where somebody else writes them.
    """

    name: str
    origin: Mapping[str, Numbers]
    atlases: Mapping[str, NDArray[np.int16]]
    labels: str | None = None

    def write_brain(self, shelf: Shelf, subject: str, known: Known) -> None:
        """Write the labels of each atlas, and how reliable the vertices are."""
        folder = f"nsddata/freesurfer/{subject}/label" if self.labels is None else self.labels
        for side, origin in self.origin.items():
            for atlas in ATLASES if folder else ():
                labels = _of(self.atlases[atlas], origin, 0).astype(np.int32)
                shelf.put(f"{folder}/{side}.{atlas}.mgz", mgz_bytes(np.maximum(labels, 0)))
            ncsnr = mgh_bytes(_of(known.ncsnr, origin, np.nan))
            shelf.put(f"{self._betas(subject, BETAS)}/{side}.ncsnr.mgh", ncsnr)
        if self.labels:
            for atlas, names in ATLASES.items():
                table = "".join(f"{label} {name}\n" for label, name in enumerate(("Unknown", *names)))
                shelf.put(f"{self.labels}/{atlas}.mgz.ctab", table.encode())

    def write_session(
        self, shelf: Shelf, subject: str, folder: str, name: str, betas: NDArray[np.int16]
    ) -> None:
        """Write the betas: int16 as HDF5, on fsaverage float32 in percent, NaN where nothing is measured."""
        for side, origin in self.origin.items():
            place = f"{self._betas(subject, folder)}/{side}.betas_{name}"
            if self.name == "nativesurface":
                with shelf.file(f"{place}.hdf5") as path:
                    _write_hdf5(path, _of(betas.T, origin, 0).T)
                continue
            percent = (betas / np.float32(SCALE)).astype(np.float32)
            percent[:, (betas == 0).all(axis=0)] = np.nan
            shelf.put(f"{place}.mgh", mgh_bytes(_of(percent.T, origin, np.nan)))

    def write_mean(self, shelf: Shelf, subject: str, name: str, mean: NDArray[np.float64]) -> None:
        """Write nothing."""

    def _betas(self, subject: str, folder: str) -> str:
        return f"nsddata_betas/ppdata/{subject}/{self.name}/{folder}"


def _of(values: NDArray[Any], origin: Numbers, without: float) -> NDArray[Any]:
    """Return the values of vertices, from those of voxels along the first axis."""
    found = values[origin]
    found[origin < 0] = without
    return found


def _write_hdf5(path: Any, betas: NDArray[np.int16]) -> None:
    import h5py

    with h5py.File(path, "w") as file:
        chunks = (len(betas), 1)
        file.create_dataset("betas", data=betas.astype("<i2"), chunks=chunks, track_times=False)


def mgh_bytes(values: NDArray[Any]) -> bytes:
    """Return values (vertex[, trial]) as the bytes of a .mgh file, (vertex, 1, 1[, trial])."""
    import nibabel

    image: Any = nibabel.MGHImage  # without annotations
    return bytes(image(values.reshape(len(values), 1, 1, *values.shape[1:]), np.eye(4)).to_bytes())


def mgz_bytes(values: NDArray[Any]) -> bytes:
    """Return the same, packed."""
    file = io.BytesIO()
    with dateless_gzip(file) as packed:
        packed.write(mgh_bytes(values))
    return file.getvalue()


def native_surface(anatomy: Anatomy) -> Surface:
    """Return the subject's own surface: a vertex for each voxel of the cortex, and a wall without data."""
    return Surface("nativesurface", _vertices(anatomy), anatomy.atlases)


def fsaverage(anatomy: Anatomy, *, common: bool) -> Surface:
    """Return the surface that all subjects share; `common` says whether its labels are written."""
    origin = {
        side: own[np.linspace(0, len(own) - 1, int(STRETCH * len(own))).round().astype(int)]
        for side, own in _vertices(anatomy).items()
    }
    labels = "nsddata/freesurfer/fsaverage/label" if common else ""
    return Surface("fsaverage", origin, anatomy.atlases, labels)


def _vertices(anatomy: Anatomy) -> dict[str, Numbers]:
    cortex = anatomy.atlases["nsdgeneral"] >= 0
    halves = zip(SIDES, (anatomy.left, ~anatomy.left), strict=True)
    wall = np.full(WALL, -1)
    return {side: np.concatenate([wall, np.flatnonzero(cortex & half)]) for side, half in halves}
