"""Arrays of an HDF5 file."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from storage.reading import reading

from .container import OneFile, unknown_key
from .stack import Stack

if TYPE_CHECKING:
    from pathlib import Path

    from numpy.typing import NDArray

    from storage.remote import Location


class Hdf5(OneFile):
    """Arrays of an HDF5 file, read by slices; keys are paths such as "brain/train"."""

    def __init__(self, location: Location, path: Path) -> None:
        import h5py

        super().__init__(location, path)
        self.file = h5py.File(path, "r")

    def names(self) -> list[str]:
        """Return the paths of all data sets."""
        import h5py

        found: list[str] = []
        with reading(str(self.location)):
            self.file.visititems(
                lambda name, item: found.append(name) if isinstance(item, h5py.Dataset) else None
            )
        return sorted(found)

    def array(self, key: str) -> Stack:
        """Return one array."""
        return Stack(self.dataset(key), key, self.location.name)

    def words(self, key: str) -> NDArray[Any]:
        """Return one array whole."""
        import h5py

        data = self.dataset(key)
        with reading(f"{key!r} of {self.location}"):
            return np.asarray((data.asstr() if h5py.check_string_dtype(data.dtype) else data)[()])

    def dataset(self, key: str) -> Any:
        """Return the data set of a key."""
        import h5py

        with reading(f"{key!r} of {self.location}"):
            found = self.file.get(key) if key.strip("/") else None
        if not isinstance(found, h5py.Dataset):
            unknown_key(self, key)
        return found
