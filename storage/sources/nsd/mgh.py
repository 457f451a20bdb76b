"""FreeSurfer's .mgh and .mgz files of surfaces: a number a vertex, or a frame of them a trial."""

from __future__ import annotations

import gzip
import struct
from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING, Any

import numpy as np

from storage.errors import Invalid
from storage.reading import reading

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from storage.remote import Location
    from storage.transfer import Stat

BYTES = 284
"""Of the header; the data follow it."""
TYPES = {0: ">u1", 1: ">i4", 3: ">f4", 4: ">i2", 10: ">u2"}
"""FreeSurfer's numbers for types, all big-endian."""


@dataclass(frozen=True)
class Header:
    """What an .mgh file says of itself.

    Attributes
    ----------
    vertices, frames : int
        It holds (frame, vertex) numbers, the vertex running fastest.
    dtype : str
        As numpy spells it.
    """

    vertices: int
    frames: int
    dtype: str

    @property
    def nbytes(self) -> int:
        """Bytes that the file must have at least."""
        return BYTES + self.vertices * self.frames * np.dtype(self.dtype).itemsize


def read_header(location: Location, content: bytes) -> Header:
    """Read the header of an .mgh file from its first bytes.

    Raises
    ------
    Invalid
        If it is none, or of a volume.
    """
    with reading(str(location)):
        version, vertices, tall, deep, frames, kind = struct.unpack_from(">6i", content)
    if version != 1 or kind not in TYPES or vertices < 1 or frames < 1:
        raise Invalid(f"{location} is no .mgh file of numbers: get it again")
    if (tall, deep) != (1, 1):
        shape = f"{vertices} x {tall} x {deep}"
        raise Invalid(f"{location} holds a volume of {shape}, expected vertices of a surface")
    return Header(vertices, frames, TYPES[kind])


def read_surface(location: Location) -> NDArray[Any]:
    """Read a small .mgh or .mgz file whole, (vertex).

    Raises
    ------
    Missing, Denied, Unreachable
        As the store says.
    Invalid
        If it is damaged, or holds more than one number a vertex.
    """
    return _surface(location, location.stat())


# A subject has some twenty atlases of 0.3 M vertices; those of an expression are wanted again for its masks.
@lru_cache(maxsize=16)
def _surface(location: Location, stat: Stat) -> NDArray[Any]:
    content = location.read(0, stat.size, stat.etag)
    if location.suffix == ".mgz":
        with reading(str(location)):
            content = gzip.decompress(content)
    header = read_header(location, content)
    if header.frames != 1 or len(content) < header.nbytes:
        found = f"{len(content)} bytes for {header.frames} frames of {header.vertices} vertices"
        raise Invalid(f"{location} has {found}, expected one whole frame: get it again")
    values = np.frombuffer(content, header.dtype, header.vertices, BYTES)
    return values.astype(values.dtype.newbyteorder("="))
