"""One named array of a file, read by rows; whatever is wrong with it is said in our words."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from storage.errors import Invalid
from storage.reading import reading

if TYPE_CHECKING:
    from collections.abc import Iterator

    from numpy.typing import NDArray


class Stack:
    """A lazy array, read by slices of its first axis.

    Parameters
    ----------
    raw : array-like
        Has `shape`, `dtype` and reads when sliced: an ndarray, an h5py dataset, a Zarr array.
    key : str
        The array's name in its file.
    where : str
        The file's name, for messages.
    flipped : bool
        Whether the stored axes are the reverse of ours, as in MATLAB's HDF5 files.
    logical : bool
        Whether the numbers stand for false and true.
    """

    def __init__(
        self, raw: Any, key: str, where: str, *, flipped: bool = False, logical: bool = False
    ) -> None:
        self._raw = raw
        self.key = key
        self.where = where
        self.flipped = flipped
        self.dtype: np.dtype[Any] = np.dtype(bool) if logical else np.dtype(raw.dtype)
        self.shape: tuple[int, ...] = tuple(map(int, raw.shape or ()))[:: -1 if flipped else 1]

    def __len__(self) -> int:
        return self.shape[0]

    def __str__(self) -> str:
        return f"{self.key!r} of {self.where}"

    def rows(self, start: int = 0, stop: int | None = None) -> NDArray[Any]:
        """Return the rows from start to stop."""
        with reading(str(self)):
            if self.flipped:
                return np.asarray(self._raw[..., start:stop]).T.astype(self.dtype, copy=False)
            return np.asarray(self._raw[start:stop])

    def blocks(self, nbytes: int = 32 * 2**20) -> Iterator[tuple[int, NDArray[Any]]]:
        """Yield (first row, rows) in order, about `nbytes` at a time."""
        row = max(1, int(np.prod(self.shape[1:])) * self.dtype.itemsize)
        step = max(1, nbytes // row)
        for start in range(0, len(self), step):
            yield start, self.rows(start, min(start + step, len(self)))

    def numbers(self, kinds: str = "iuf") -> Stack:
        """Return the stack itself, if it holds real numbers.

        Raises
        ------
        Invalid
            If the dtype's kind is not one of `kinds`.
        """
        if self.dtype.kind in kinds:
            return self
        held = {"c": "complex numbers", "b": "true and false", "O": "objects or cells"}
        found = held.get(self.dtype.kind, "text" if self.dtype.kind in "USTV" else "neither")
        raise Invalid(
            f"{self} holds {found} ({self.dtype}), expected real numbers: convert it or name another array"
        )
