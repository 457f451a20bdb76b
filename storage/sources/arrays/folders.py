"""Folders that hold named arrays: .npy files, and Zarr groups."""

from __future__ import annotations

from pathlib import PurePosixPath
from typing import TYPE_CHECKING, Any

import numpy as np

from storage.reading import reading

from .container import ITSELF, unknown_key
from .copies import file_digest, folder_digest, local_copy
from .stack import Stack

if TYPE_CHECKING:
    from collections.abc import Iterable

    from numpy.typing import NDArray

    from storage.remote import Location


class NpyFolder:
    """Arrays of a folder: key "a/b" is the file a/b.npy; numbers are mapped into memory, not read."""

    def __init__(self, location: Location) -> None:
        self.location = location

    def names(self) -> list[str]:
        """Return the names of all arrays."""
        return sorted(name.removesuffix(".npy") for name, _ in self.location.files() if name.endswith(".npy"))

    def array(self, key: str) -> Stack:
        """Return one array."""
        return Stack(self.words(key), key, self.location.name)

    def words(self, key: str) -> NDArray[Any]:
        """Return one array."""
        path = local_copy(self._file(key))
        with reading(str(self._file(key))):
            mapped = np.load(path, mmap_mode="r", allow_pickle=False)
            return np.asarray(mapped)

    def digests(self, keys: Iterable[str]) -> dict[str, str]:
        """Return the sha256 of each array's file."""
        return {f"{key}.npy": file_digest(self._file(key)) for key in sorted(set(keys))}

    def _file(self, key: str) -> Location:
        file = self.location / f"{key}.npy"
        if not file.exists():
            unknown_key(self, key)
        return file


class ZarrFolder:
    """Arrays of a Zarr group, format 2 or 3, read by slices; keys are paths such as "brain/train"."""

    def __init__(self, location: Location) -> None:
        import zarr

        self.location = location
        with reading(str(location)):
            self.group = zarr.open_group(location.zarr(), mode="r")

    def names(self) -> list[str]:
        """Return the paths of all arrays."""
        import zarr

        with reading(str(self.location)):
            members = self.group.members(max_depth=None)
            return sorted(name for name, item in members if isinstance(item, zarr.Array))

    def array(self, key: str) -> Stack:
        """Return one array."""
        import zarr

        with reading(f"{key!r} of {self.location}"):
            found = self.group.get(key) if key else None
        if not isinstance(found, zarr.Array):
            unknown_key(self, key)
        return Stack(found, key, self.location.name)

    def words(self, key: str) -> NDArray[Any]:
        """Return one array whole."""
        return self.array(key).rows()

    def digests(self, keys: Iterable[str]) -> dict[str, str]:
        """Return one sha256 over all files of the arrays."""
        return {ITSELF: folder_digest(self.location, sorted({str(PurePosixPath(key)) for key in keys}))}
