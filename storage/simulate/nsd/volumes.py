"""Volumes and betas in NSD's two formats: NIfTI (gzip) and HDF5, both with x running fastest."""

from __future__ import annotations

import io
from typing import TYPE_CHECKING, Any

import numpy as np

from .shelf import dateless_gzip

if TYPE_CHECKING:
    from pathlib import Path

    from numpy.typing import NDArray

    from .anatomy import Anatomy

MILLIMETRES = 1.8
"""Edge of a voxel of NSD's func1pt8mm."""
BATCH = 16 * 2**20
"""Bytes of betas that are put together at once."""


def _header(shape: tuple[int, ...], dtype: np.dtype[Any], edge: float) -> bytes:
    """Return a single-file NIfTI-1 header, its four extension bytes included."""
    import nibabel

    new_header: Any = nibabel.Nifti1Header  # without annotations
    header = new_header()
    header.set_data_dtype(dtype)
    header.set_data_shape(shape)
    header.set_zooms((edge,) * 3 + (1.0,) * (len(shape) - 3))
    affine = np.diag([edge] * 3 + [1.0])
    affine[:3, 3] = -edge * (np.array(shape[:3]) - 1) / 2
    header.set_sform(affine, code="scanner")
    header.set_qform(affine, code="scanner")
    header.set_xyzt_units("mm", "sec")
    header.set_slope_inter(1, 0)
    header["magic"] = b"n+1"
    header["vox_offset"] = 352
    return bytes(header.binaryblock) + b"\0" * 4


def nifti_bytes(volume: NDArray[Any], edge: float = MILLIMETRES) -> bytes:
    """Return a volume (x, y, z[, more]) as the bytes of a .nii.gz file; they depend on nothing else.

    Parameters
    ----------
    volume : ndarray
        Any type that NIfTI has.
    edge : float
        Of a voxel, in millimetres.
    """
    content = np.asarray(volume, volume.dtype.newbyteorder("<"))
    file = io.BytesIO()
    with dateless_gzip(file) as packed:
        packed.write(_header(volume.shape, content.dtype, edge))
        packed.write(content.tobytes(order="F"))
    return file.getvalue()


def write_betas_nifti(
    path: Path, betas: NDArray[np.int16], anatomy: Anatomy, edge: float = MILLIMETRES
) -> None:
    """Write a session as .nii.gz, (x, y, z, trial) int16, 0 outside the brain.

    Parameters
    ----------
    path : Path
        The file.
    betas : ndarray
        (trial, voxel) int16.
    anatomy : Anatomy
        Where the voxels lie.
    edge : float
        Of a voxel, in millimetres.
    """
    size, place = int(np.prod(anatomy.grid)), anatomy.place
    step = max(1, BATCH // (2 * size))
    with path.open("wb") as file, dateless_gzip(file) as packed:
        packed.write(_header((*anatomy.grid, len(betas)), np.dtype("<i2"), edge))
        for start in range(0, len(betas), step):
            batch = betas[start : start + step]
            volumes = np.zeros((len(batch), size), "<i2")
            volumes[:, place] = batch
            packed.write(volumes.tobytes())


def write_betas_hdf5(path: Path, betas: NDArray[np.int16], anatomy: Anatomy) -> None:
    """Write the same as HDF5, (trial, z, y, x) to h5py: a chunk a voxel with all trials, uncompressed.

    Parameters
    ----------
    path : Path
        The file.
    betas : ndarray
        (trial, voxel) int16.
    anatomy : Anatomy
        Where the voxels lie.
    """
    import h5py

    x, y, z = anatomy.grid
    plane, place = np.divmod(anatomy.place, x * y)
    with h5py.File(path, "w") as file:
        stored = file.create_dataset(
            "betas", (len(betas), z, y, x), "<i2", chunks=(len(betas), 1, 1, 1), track_times=False
        )
        for number in range(z):
            here = plane == number
            slab = np.zeros((len(betas), x * y), "<i2")
            slab[:, place[here]] = betas[:, here]
            stored[:, number] = slab.reshape(len(betas), y, x)
