"""Gzip, inflated as its bytes come: what was read and what was inflated never exceeds what is asked for."""

from __future__ import annotations

import zlib
from typing import TYPE_CHECKING

from .errors import Invalid

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from .remote import Location

FEED = 2**18
"""Packed bytes given to zlib at once: what it leaves over is copied."""
SKIP = 2**20
"""Bytes that are inflated at once where they are thrown away."""


class Inflating:
    """A gzip file that is read once, from its start to its end.

    Parameters
    ----------
    location : Location
        The file, for messages.
    pieces : iterable of bytes
        Its content, in order.
    """

    def __init__(self, location: Location, pieces: Iterable[bytes]) -> None:
        self.location = location
        self._feed = _feed(pieces)
        self._inflater = zlib.decompressobj(wbits=31)
        self._left: bytes | memoryview = b""

    def read(self, length: int) -> bytearray:
        """Return the next bytes.

        Raises
        ------
        Invalid
            If the file ends before them.
        zlib.error
            If it is damaged.
        """
        found, done = bytearray(length), 0
        while done < length:
            part = self._some(length - done)
            found[done : done + len(part)] = part
            done += len(part)
        return found

    def skip(self, length: int) -> None:
        """Pass over the next bytes."""
        while length > 0:
            length -= len(self._some(min(length, SKIP)))

    def finish(self) -> None:
        """Read to the end of the member, where its checksum stands."""
        while not self._inflater.eof:
            if not self._some(1):
                continue
            raise Invalid(f"{self.location} goes on after its last volume; get it again")

    def _some(self, most: int) -> bytes:
        """Return up to so many of the next bytes; none where zlib wants more first."""
        if self._inflater.eof:  # the next member: gzip files may be put one behind the other
            self._left = self._inflater.unused_data
            self._inflater = zlib.decompressobj(wbits=31)
        if not self._left:
            self._left = next(self._feed, memoryview(b""))
            if not self._left:
                raise Invalid(f"{self.location} ends too early; the file is truncated: get it again")
        part = self._inflater.decompress(self._left, most)
        self._left = self._inflater.unconsumed_tail
        return part


def _feed(pieces: Iterable[bytes]) -> Iterator[memoryview]:
    for piece in pieces:
        view = memoryview(piece)
        yield from (view[at : at + FEED] for at in range(0, len(view), FEED))
