"""How people read a session's HDF5 file today; and the work on its bytes alone."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from numpy.typing import NDArray

    Work = Callable[[], Mapping[str, Any]]


def places(folder: str, region: str) -> NDArray[np.intp]:
    """Return (axis, voxel) z, y, x of a region, in the order of the release's volumes."""
    import nibabel

    above = Path(folder, "nsddata/ppdata/subj01/func1pt8mm")
    name = "brainmask" if region == "brain" else f"roi/{region}"
    volume = np.asarray(nibabel.load(above / f"{name}.nii.gz").dataobj)
    return np.argwhere(volume > 0).T[::-1]


def checked(values: NDArray[Any]) -> int:
    """Return the crc32c of an array's bytes in C order."""
    import google_crc32c

    return int(google_crc32c.value(np.ascontiguousarray(values).tobytes()))


def over_s3fs(
    *, root: str, options: dict[str, Any], folder: str, key: str, region: str, cache: dict[str, Any]
) -> Work:
    """Open the file through s3fs with a cache, and read: a voxel after the other, or a volume."""
    import h5py
    import s3fs

    files = s3fs.S3FileSystem(anon=True, endpoint_url=options["endpoint_url"])
    files.ls(root)
    where = places(folder, region)

    def work() -> Mapping[str, Any]:
        with files.open(f"{root}/{key}", "rb", **cache) as file, h5py.File(file, "r") as opened:
            data = opened["betas"]
            found = np.empty((data.shape[0], where.shape[1]), np.int16)
            if data.chunks == (data.shape[0], 1, 1, 1):
                for at in np.lexsort(where[::-1]):
                    found[:, at] = data[(slice(None), *where[:, at])]
            else:
                for trial in range(data.shape[0]):
                    found[trial] = data[trial][tuple(where)]
        return {"check": lambda: checked(found)}

    return work


def over_virtualizarr(*, root: str, options: dict[str, Any], folder: str, key: str, region: str) -> Work:
    """Make a virtual Zarr store of the file, and pick the region's voxels through xarray."""
    import xarray as xr
    from obspec_utils.registry import ObjectStoreRegistry
    from obstore.store import S3Store
    from virtualizarr.parsers import HDFParser

    store = S3Store(
        root.removeprefix("s3://"),
        endpoint=options["endpoint_url"],
        region="us-east-1",
        skip_signature=True,
        client_options={"allow_http": True},
    )
    store.head(key)
    z, y, x = (xr.DataArray(axis, dims="voxel") for axis in places(folder, region))

    def work() -> Mapping[str, Any]:
        virtual = HDFParser()(url=f"{root}/{key}", registry=ObjectStoreRegistry({root: store}))

        with xr.open_zarr(virtual, consolidated=False, zarr_format=3, chunks=None) as opened:
            data = opened["betas"]
            _, depth, height, width = data.dims
            found = data.isel({depth: z, height: y, width: x}).values
        return {"check": lambda: checked(found)}

    return work


def gather_and_write(
    *,
    root: str,  # noqa: ARG001
    options: dict[str, Any],  # noqa: ARG001
    folder: str,
    key: str,
    region: str,
) -> Work:
    """Pick a region's voxels out of a contiguous file on this disk, and write them as plain Zarr."""
    import tempfile

    import h5py
    import zarr

    path, scratch, (z, y, x) = Path(folder, key), tempfile.TemporaryDirectory(), places(folder, region)
    with h5py.File(path) as file:
        shape, offset = file["betas"].shape, file["betas"].id.get_offset()
    at = (z * shape[2] + y) * shape[3] + x

    def work() -> Mapping[str, Any]:
        stored = np.memmap(path, "<i2", "r", offset, (shape[0], int(np.prod(shape[1:]))))
        found = np.empty((shape[0], len(at)), np.int16)
        for trial in range(shape[0]):
            found[trial] = stored[trial][at]
        chunks = (shape[0], 2048)
        array = zarr.create_array(
            scratch.name, shape=found.shape, dtype="int16", chunks=chunks, overwrite=True
        )
        array[...] = found

        def check() -> int:
            with scratch:
                return checked(found)

        return {"check": check}

    return work
