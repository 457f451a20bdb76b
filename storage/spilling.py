"""Large arrays whose bytes lie in a file without a name: memory holds what is being worked on."""

from __future__ import annotations

import math
import mmap
import os
import tempfile
from contextlib import suppress
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

LARGE = 128 * 2**20
"""Bytes from which on an array is not held in memory."""


def zeros(shape: tuple[int, ...], dtype: np.dtype[Any]) -> NDArray[Any]:
    """Return an array of zeros in C order; of a large one the temporary folder (TMPDIR) takes the bytes.

    Nothing has to be removed: the file has no name, and is gone with the array. Where the folder has no
    room, memory takes them.
    """
    nbytes = math.prod(shape) * dtype.itemsize
    if nbytes >= LARGE and hasattr(os, "posix_fallocate"):
        with suppress(OSError), tempfile.TemporaryFile(prefix="vox2pix-") as file:
            os.posix_fallocate(file.fileno(), 0, nbytes)  # a page that finds no room later would kill us
            return np.frombuffer(mmap.mmap(file.fileno(), nbytes), dtype).reshape(shape)
    return np.zeros(shape, dtype)


def release(array: NDArray[Any]) -> None:
    """Let go of the memory of an array that `zeros` put into a file; the bytes stay there."""
    owner: Any = array
    while isinstance(owner, np.ndarray):
        owner = owner.base
    if isinstance(owner, memoryview):
        owner = owner.obj
    if isinstance(owner, mmap.mmap):
        owner.madvise(mmap.MADV_DONTNEED)
