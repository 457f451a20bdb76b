"""One session as .nii.gz: (x, y, z, trial) int16, inflated from its start, a volume at a time."""

from __future__ import annotations

import gzip
import math
import zlib
from typing import TYPE_CHECKING, Any

import numpy as np

from storage.errors import Invalid

from .betas_hdf5 import compare
from .ranges import HEADER, streamed

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from storage.remote import Location


def check(location: Location, trials: int, grid: tuple[int, int, int]) -> None:
    """Check a session's header and, by the length in its last bytes, that the file is whole.

    Raises
    ------
    Invalid
        If the file is cut or damaged, or of another shape or type.
    """
    with streamed(location, HEADER) as file:
        header = _header(zlib.decompressobj(wbits=31).decompress(file.read(HEADER), HEADER))
    *volume, length = header.get_data_shape()
    compare(location, (length, *volume), header.get_data_dtype(), (trials, *grid))
    inflated = int(header["vox_offset"]) + 2 * trials * math.prod(grid)
    # gzip ends with the number of bytes that went in, modulo 2^32.
    if int.from_bytes(location.read(-4), "little") != inflated % 2**32:
        raise Invalid(f"{location} does not end as a file of {trials} volumes does: it is truncated")


def _header(content: bytes) -> Any:
    import nibabel

    header: Any = nibabel.Nifti1Header
    return header(content[: header.template_dtype.itemsize])


def read(location: Location, places: NDArray[np.int32], start: int, stop: int) -> NDArray[np.int16]:
    """Read some voxels and trials of a session.

    The numbers are those that are stored: NSD's header does not undo the scaling.

    Parameters
    ----------
    location : Location
        The file; a remote one is read by ranges, without a copy.
    places : ndarray
        (voxel, axis) int32: x, y, z.
    start, stop : int
        Trials.

    Returns
    -------
    ndarray
        (trial, voxel) int16.
    """
    with streamed(location) as packed, gzip.open(packed) as file:
        header = _header(file.read(HEADER))
        x, y, z, trials = header.get_data_shape()
        nbytes, at = 2 * x * y * z, places @ np.array([1, x, x * y])
        found = np.empty((stop - start, len(places)), np.int16)
        file.seek(int(header["vox_offset"]) + start * nbytes)
        for trial in range(start, stop):
            found[trial - start] = _volume(file, nbytes, header.get_data_dtype(), location, trial)[at]
        if stop == trials:
            file.read(1)  # past the last byte, where the checksum stands
        return found


def _volume(file: Any, nbytes: int, dtype: np.dtype[Any], location: Location, trial: int) -> NDArray[Any]:
    content = file.read(nbytes)
    if len(content) != nbytes:
        raise Invalid(f"{location} ends in trial {trial + 1}; the file is truncated: get it again")
    return np.frombuffer(content, dtype)
