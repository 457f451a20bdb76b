"""The few bytes of a file that describe what is in it, read in blocks when they are asked for."""

from __future__ import annotations

import struct
from typing import TYPE_CHECKING

from storage.errors import Invalid

if TYPE_CHECKING:
    from storage.remote import Location
    from storage.transfer import Stat

BLOCK = 8192
"""Bytes a request; in files as MATLAB and h5py write them the first block holds all."""
MOST = 128
"""Blocks kept: a description that is spread wider is none that we know."""
UNDEFINED = 2**64 - 1
"""HDF5's address of what was never allocated."""


class NotOurs(Exception):
    """The file may be sound, but is built in a way that only the HDF5 library reads; the text says how."""


class Window:
    """Small reads of one version of a file.

    Parameters
    ----------
    location : Location
        The file.
    stat : Stat
        Its size and etag.
    """

    def __init__(self, location: Location, stat: Stat) -> None:
        self.location = location
        self.stat = stat
        self.base = 0
        """Where HDF5's addresses count from: behind what MATLAB puts in front."""
        self._blocks: dict[int, bytes] = {}

    def damaged(self, said: str) -> Invalid:
        """Return the error of a file that cannot be what it seems to be."""
        return Invalid(f"{self.location} cannot be read ({said}); the file is damaged: get it again")

    def at(self, address: int, length: int) -> bytes:
        """Return bytes at an HDF5 address.

        Raises
        ------
        Invalid
            If they lie outside of the file.
        NotOurs
            If more of the file was asked for than a description takes.
        """
        start = self.base + address
        if start + length > self.stat.size:
            raise self.damaged(f"it points to byte {start + length} and ends at {self.stat.size}")
        if length > MOST * BLOCK:
            raise NotOurs("a description longer than 1 MiB")
        numbers = range(start // BLOCK, (start + length - 1) // BLOCK + 1)
        content = b"".join(map(self._block, numbers))
        skip = start - start // BLOCK * BLOCK
        return content[skip : skip + length]

    def head(self) -> bytes:
        """Return the first bytes of the file, if what was asked for lay there."""
        return self._blocks.get(0, b"")

    def numbers(self, address: int, form: str) -> tuple[int, ...]:
        """Return little-endian numbers at an HDF5 address, as `struct` spells them."""
        return struct.unpack(f"<{form}", self.at(address, struct.calcsize(f"<{form}")))

    def _block(self, number: int) -> bytes:
        if number not in self._blocks:
            if len(self._blocks) >= MOST:
                raise NotOurs("a description in more than 1 MiB")
            length = min(BLOCK, self.stat.size - number * BLOCK)
            self._blocks[number] = self.location.read(number * BLOCK, length, self.stat.etag)
        return self._blocks[number]
