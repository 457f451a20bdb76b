"""MATLAB's .mat files: those of MATLAB 5 to 7, and those of 7.3, which are HDF5 with reversed axes."""

from __future__ import annotations

import threading
from mmap import ACCESS_READ, mmap
from typing import TYPE_CHECKING, Any

import numpy as np

from storage.errors import Invalid
from storage.matlab5 import check
from storage.reading import reading

from .container import OneFile, unknown_key
from .hdf5 import Hdf5
from .stack import Stack

if TYPE_CHECKING:
    from pathlib import Path

    from numpy.typing import NDArray

    from storage.remote import Location

    from .container import Container


def open_matlab(location: Location, path: Path) -> Container:
    """Open a .mat file by what its first bytes say, not by its age."""
    import h5py

    return Mat73(location, path) if h5py.is_hdf5(path) else Mat5(location, path)


class Mat5(OneFile):
    """Variables of a .mat file before 7.3; each is read whole when it is first wanted."""

    def __init__(self, location: Location, path: Path) -> None:
        from scipy.io import whosmat

        super().__init__(location, path)
        with path.open("rb") as file, mmap(file.fileno(), 0, access=ACCESS_READ) as content:
            check(content)
        self._loaded: dict[str, Any] = {}
        self._lock = threading.Lock()
        self._names = sorted(name for name, _, _ in whosmat(str(path), appendmat=False))

    def names(self) -> list[str]:
        """Return the names of all variables."""
        return self._names

    def array(self, key: str) -> Stack:
        """Return one variable."""
        return Stack(self.words(key), key, self.location.name)

    def words(self, key: str) -> NDArray[Any]:
        """Return one variable; of characters, one string a row."""
        if key not in self._names:
            unknown_key(self, key)
        with self._lock, reading(f"{key!r} of {self.location}"):
            if key not in self._loaded:
                self._loaded[key] = self._load(key)
        found = self._loaded[key]
        if not isinstance(found, np.ndarray):
            kind = type(found).__name__
            raise Invalid(f"{key!r} of {self.location} is {kind}, expected a full matrix: save it as one")
        return found

    def _load(self, key: str) -> Any:
        from scipy.io import loadmat

        # mat_dtype: MATLAB packs doubles that are whole into bytes; 0 and 1 must still be black and white.
        return loadmat(str(self.path), appendmat=False, variable_names=[key], mat_dtype=True)[key]


class Mat73(Hdf5):
    """Variables of a .mat file of MATLAB 7.3, with shapes as MATLAB shows them."""

    def names(self) -> list[str]:
        """Return the names of all variables; what cells refer to is left out."""
        return [name for name in super().names() if not name.startswith("#")]

    def array(self, key: str) -> Stack:
        """Return one variable."""
        data = self.dataset(key)
        logical = _matlab_class(data) == "logical"
        return Stack(data, key, self.location.name, flipped=True, logical=logical)

    def words(self, key: str) -> NDArray[Any]:
        """Return one variable whole; a matrix of characters is one string a row."""
        data = self.dataset(key)
        with reading(f"{key!r} of {self.location}"):
            if _matlab_class(data) == "cell":
                cells = [self._cell(reference) for reference in data[()].T.ravel()]
                return np.array(cells, object).reshape(data.shape[::-1])
            return _strings(data) if _matlab_class(data) == "char" else np.asarray(data[()]).T

    def _cell(self, reference: Any) -> str:
        found = self.file[reference]
        # MATLAB writes what is empty as its size, and says so.
        if "MATLAB_empty" in found.attrs:
            return ""
        if _matlab_class(found) == "char":
            return "".join(_strings(found))
        return " ".join(f"{value:g}" for value in np.ravel(found[()]))


def _matlab_class(data: Any) -> str:
    found = data.attrs.get("MATLAB_class", b"")
    return found.decode() if isinstance(found, bytes) else str(found)


def _strings(data: Any) -> NDArray[Any]:
    codes = np.asarray(data[()]).T.astype("<u2")
    return np.array([row.tobytes().decode("utf-16-le") for row in codes], object)
