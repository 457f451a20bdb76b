"""Values of voxels as NIfTI: put back into the volume they were taken from, zero elsewhere."""

from __future__ import annotations

import gzip
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any, BinaryIO

import numpy as np

from . import npy
from .errors import NoSuchForm
from .handout import File

if TYPE_CHECKING:
    import xarray as xr

#: Axes of the volume; variables of these names are places, no values.
AXES = ("i", "j", "k")

#: Places dwarf compression: most of a volume is zero, and higher levels only take longer.
LEVEL = 1


@dataclass(frozen=True)
class Volume:
    """Where voxels lie."""

    grid: tuple[int, ...]
    """(x, y, z) places."""
    affine: np.ndarray
    """(4, 4), from places to millimetres."""
    places: tuple[np.ndarray, ...]
    """(voxel) x, y and z of each voxel."""

    def filled(self, values: np.ndarray) -> np.ndarray:
        """Return (x, y, z) with the values (voxel) in their places."""
        volume = np.zeros(self.grid, values.dtype)
        volume[self.places] = values
        return volume


def files(dataset: xr.Dataset, stem: str) -> list[File]:
    """Return a .nii.gz for each array along `voxel`; with a further dimension, it becomes the fourth.

    Raises
    ------
    NoSuchForm
        If nothing lies along `voxel`, the voxels are of no volume, or an array has too many dimensions.
    """
    arrays = {str(name): dataset[name] for name in _along_voxel(dataset)}
    if not arrays:
        raise NoSuchForm(f"{stem} has no value of a voxel to put in a volume; use --format npz, npy or csv")
    volume = _volume(dataset, stem)
    for name, array in arrays.items():
        if array.ndim > 2:
            raise NoSuchForm(f"{name} of {stem} has dims {array.dims}, a NIfTI file takes voxel and one more")
    return [File(f"{stem}-{name}.nii.gz", partial(_write, array, volume)) for name, array in arrays.items()]


def single_volumes(dataset: xr.Dataset) -> xr.Dataset:
    """Return what makes one volume an array; of a product that has no such array, all of it."""
    single = [name for name in _along_voxel(dataset) if dataset[name].ndim == 1]
    places = [axis for axis in AXES if axis in dataset.data_vars]  # product `voxels` tells them as values
    return dataset.set_coords(places)[single] if single else dataset


def _along_voxel(dataset: xr.Dataset) -> list[Any]:
    return [
        name
        for name, array in dataset.data_vars.items()
        if "voxel" in array.dims and name not in AXES and array.dtype.kind in "biuf"
    ]


def _volume(dataset: xr.Dataset, stem: str) -> Volume:
    """Return the volume that the coordinate `i` tells of."""
    said = dataset["i"].attrs if "i" in dataset.variables else {}
    if not {"grid", "affine"} <= set(said):
        raise NoSuchForm(
            f"the voxels of {stem} lie in no volume that is known (they are of a surface, or ready-made); "
            "use --format npz, npy or csv"
        )
    places = tuple(np.asarray(dataset[axis].values) for axis in AXES)
    return Volume(tuple(said["grid"]), np.array(said["affine"]), places)


def _write(array: xr.DataArray, volume: Volume, file: BinaryIO) -> None:
    """Write one array, a volume at a time; its chunks, each of many rows, are first put in order on disk."""
    rows = array.transpose(..., "voxel").variable
    stored = np.dtype({"b": "u1", "f": f"f{max(rows.dtype.itemsize, 4)}"}.get(rows.dtype.kind, rows.dtype))
    with (
        npy.beside(file) as ordered,
        gzip.GzipFile("", "wb", LEVEL, file, mtime=0) as packed,
    ):
        npy.write(rows, ordered)
        ordered.seek(0)
        _skip_header(ordered)
        packed.write(_header(volume, rows.shape[:-1], stored))
        for _ in range(int(np.prod(rows.shape[:-1]))):
            row = np.frombuffer(ordered.read(rows.shape[-1] * rows.dtype.itemsize), rows.dtype)
            packed.write(volume.filled(row.astype(stored)).tobytes(order="F"))


def _skip_header(file: BinaryIO) -> None:
    np.lib.format.read_magic(file)
    np.lib.format.read_array_header_1_0(file)


def _header(volume: Volume, more: tuple[int, ...], dtype: np.dtype[Any]) -> bytes:
    """Return header and the four bytes that say there are no extensions."""
    import nibabel

    header: Any = nibabel.Nifti1Header()  # type: ignore[no-untyped-call]
    header.set_data_dtype(dtype)
    header.set_data_shape((*volume.grid, *more))
    header.set_sform(volume.affine, code="scanner")
    header.set_qform(volume.affine, code="scanner", strip_shears=True)
    header.set_xyzt_units("mm")
    header["vox_offset"] = 352
    header["magic"] = b"n+1"
    return bytes(header.binaryblock) + bytes(4)
