"""Opening whatever lies at a location: its name's ending and its content say what it is."""

from __future__ import annotations

import os
from functools import lru_cache
from typing import TYPE_CHECKING

from storage.errors import Invalid, Missing
from storage.reading import reading

from .copies import local_copy
from .folders import NpyFolder, ZarrFolder
from .hdf5 import Hdf5
from .matlab import open_matlab
from .npz import Npz

if TYPE_CHECKING:
    from storage.remote import Location

    from .container import Container

KNOWN = "a .npz, .mat, .h5 or .hdf5 file, a .zarr folder, or a folder of .npy files"


def open_container(location: Location) -> Container:
    """Open the arrays at a location, once a process and version of the file.

    Raises
    ------
    Missing, Denied, Unreachable
        As the store says.
    Invalid
        If it is of no known format, or damaged.
    """
    if location.suffix in (".npz", ".mat", ".h5", ".hdf5"):
        return _open_file(location, location.stat().etag, os.getpid())
    if location.suffix == ".npy":
        raise Invalid(f"{location} is one array: give its folder {location.parent} and name arrays by file")
    return _open_folder(location)


@lru_cache(maxsize=4)
def _open_file(location: Location, _etag: str, _process: int) -> Container:
    path = local_copy(location)
    with reading(str(location)):
        if location.suffix == ".npz":
            return Npz(location, path)
        if location.suffix == ".mat":
            return open_matlab(location, path)
        return Hdf5(location, path)


def _open_folder(location: Location) -> Container:
    if any((location / name).exists() for name in ("zarr.json", ".zgroup")):
        return ZarrFolder(location)
    if location.suffix == ".zarr" and location.is_folder():
        raise Invalid(f"{location} has neither zarr.json nor .zgroup; expected a Zarr group of named arrays")
    if location.exists():
        raise Invalid(f"{location} is of no known format; the source of arrays is {KNOWN}")
    if not location.is_folder():
        raise Missing(f"{location} does not exist; the source of arrays is {KNOWN}")
    return NpyFolder(location)
