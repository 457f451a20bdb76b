"""One session as .nii.gz: (x, y, z, trial) int16, inflated from its start, a volume at a time."""

from __future__ import annotations

import math
import zlib
from typing import TYPE_CHECKING, Any

import numpy as np

from storage.errors import Invalid
from storage.inflating import Inflating
from storage.reading import reading
from storage.spilling import release, zeros

from .betas_hdf5 import compare

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from storage.remote import Location
    from storage.transfer import Stat

HEADER = 4096
"""Packed bytes that hold a header."""
HEADER_BYTES = 348
"""Bytes of a NIfTI-1 header."""


def check(location: Location, stat: Stat, trials: int, grid: tuple[int, ...]) -> None:
    """Check a session's header and, by the length in its last bytes, that the file is whole.

    Raises
    ------
    Invalid
        If the file is cut or damaged, or of another shape or type.
    """
    with reading(str(location)):
        packed = location.read(0, HEADER, stat.etag)
        header = _header(zlib.decompressobj(wbits=31).decompress(packed, HEADER))
    *volume, length = header.get_data_shape()
    compare(location, (length, *volume), header.get_data_dtype(), (trials, *grid))
    inflated = int(header["vox_offset"]) + 2 * trials * math.prod(grid)
    # gzip ends with the number of bytes that went in, modulo 2^32.
    if int.from_bytes(location.read(stat.size - 4, 4, stat.etag), "little") != inflated % 2**32:
        raise Invalid(f"{location} does not end as a file of {trials} volumes does: it is truncated")


def _header(content: bytes) -> Any:
    import nibabel

    header: Any = nibabel.Nifti1Header
    return header(content[: header.template_dtype.itemsize])


def read(
    location: Location, stat: Stat, places: NDArray[np.int32], start: int, stop: int
) -> NDArray[np.int16]:
    """Read some voxels and trials of a session.

    The numbers are those that are stored: NSD's header does not undo the scaling.

    Parameters
    ----------
    location, stat : Location, Stat
        The file, and the version of it that was checked; a remote one is read by ranges, without a copy.
    places : ndarray
        (voxel, axis) int32: x, y, z.
    start, stop : int
        Trials.

    Returns
    -------
    ndarray
        (trial, voxel) int16.
    """
    with reading(str(location)):
        file = Inflating(location, location.pieces(0, stat.size, stat.etag))
        header = _header(bytes(file.read(HEADER_BYTES)))
        x, y, z, trials = header.get_data_shape()
        nbytes, at = 2 * x * y * z, places @ np.array([1, x, x * y])
        taken = zeros((stop - start, len(places)), np.dtype(np.int16))
        file.skip(int(header["vox_offset"]) - HEADER_BYTES)
        for trial in range(stop):
            if trial < start:
                file.skip(nbytes)
            else:
                taken[trial - start] = np.frombuffer(file.read(nbytes), header.get_data_dtype())[at]
                release(taken)
        if stop == trials:
            file.finish()  # where the checksum stands
        return taken


def moved(location: Location, stat: Stat, places: NDArray[np.int32]) -> int:  # noqa: ARG001  (the format's)
    """Return how many bytes a session takes: it is inflated from its start."""
    return stat.size
