"""Arrays of a .npz file."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING, Any

import numpy as np

from storage.reading import reading

from .container import OneFile, unknown_key
from .stack import Stack

if TYPE_CHECKING:
    from pathlib import Path

    from numpy.typing import NDArray

    from storage.remote import Location


class Npz(OneFile):
    """Arrays of a .npz file; each is read whole when it is first wanted."""

    def __init__(self, location: Location, path: Path) -> None:
        super().__init__(location, path)
        self._loaded: dict[str, NDArray[Any]] = {}
        self._lock = threading.Lock()
        # Opened here, not by numpy, which leaves a damaged file open.
        with path.open("rb") as opened, np.load(opened, allow_pickle=False) as file:
            self._names = sorted(file.files)

    def names(self) -> list[str]:
        """Return the names of all arrays."""
        return self._names

    def array(self, key: str) -> Stack:
        """Return one array."""
        return Stack(self.words(key), key, self.location.name)

    def words(self, key: str) -> NDArray[Any]:
        """Return one array."""
        if key not in self._names:
            unknown_key(self, key)
        with self._lock, reading(f"{key!r} of {self.location}"):
            if key not in self._loaded:
                with self.path.open("rb") as opened, np.load(opened, allow_pickle=False) as file:
                    self._loaded[key] = file[key]
            return self._loaded[key]
