"""What chunks go through before they are stored: gzip, and the shuffling of bytes."""

from __future__ import annotations

import struct
import zlib
from typing import TYPE_CHECKING

import numpy as np

from .window import NotOurs

if TYPE_CHECKING:
    from collections.abc import Sequence

GZIP, SHUFFLE = 1, 2
NAMES = {3: "fletcher32", 4: "szip", 5: "nbit", 6: "scaleoffset", 32000: "lzf", 32001: "blosc"}


def read_filters(body: bytes) -> tuple[tuple[int, int], ...]:
    """Read a pipeline: (filter, its first parameter) in the order in which they were applied.

    Raises
    ------
    NotOurs
        If there is one that we don't undo.
    """
    version, count = body[0], body[1]
    if version not in {1, 2}:
        raise NotOurs(f"filter pipeline version {version}")
    entry, at = (_named, 8) if version == 1 else (_short, 2)
    found = []
    for _ in range(count):
        (number,) = struct.unpack_from("<H", body, at)
        if number not in {GZIP, SHUFFLE}:
            raise NotOurs(f"filter {NAMES.get(number, number)}")
        values, length = entry(body, at)
        found.append((number, struct.unpack_from("<I", body, values)[0] if values < at + length else 0))
        at += length
    return tuple(found)


def _named(body: bytes, at: int) -> tuple[int, int]:
    """Return where a filter's parameters begin, and how long it is, in version 1."""
    name, _, count = struct.unpack_from("<HHH", body, at + 2)
    values = at + 8 + -(-name // 8) * 8
    return values, values - at + 4 * (count + count % 2)


def _short(body: bytes, at: int) -> tuple[int, int]:
    """Return the same in version 2, where HDF5's own filters have no name."""
    (count,) = struct.unpack_from("<H", body, at + 4)
    return at + 6, 6 + 4 * count


def undo(content: bytes, filters: Sequence[tuple[int, int]], skipped: int, nbytes: int) -> bytes:
    """Return a chunk as it was before its filters.

    Parameters
    ----------
    content : bytes
        As it is stored.
    filters : sequence
        (filter, parameter) in the order in which they were applied.
    skipped : int
        Bit k is set where filter k was not applied to this chunk.
    nbytes : int
        How long it must be.

    Raises
    ------
    ValueError, zlib.error
        If it is damaged.
    """
    for at, (number, parameter) in reversed(list(enumerate(filters))):
        if skipped >> at & 1:
            continue
        content = _inflate(content, nbytes) if number == GZIP else _unshuffle(content, parameter)
    if len(content) != nbytes:
        raise ValueError(f"a chunk has {len(content)} bytes, expected {nbytes}")
    return content


def _inflate(content: bytes, nbytes: int) -> bytes:
    if nbytes > 1100 * len(content) + 1024:  # deflate packs 1032 bytes into one at best
        raise ValueError(f"a chunk of {nbytes} bytes in {len(content)}")
    inflater = zlib.decompressobj()
    plain = inflater.decompress(content, nbytes + 1)
    if not inflater.eof and len(plain) <= nbytes:
        raise ValueError("a chunk is cut")
    return plain


def _unshuffle(content: bytes, size: int) -> bytes:
    if size < 2:
        return content
    whole = len(content) // size * size  # what is left over was not shuffled
    planes = np.frombuffer(content, np.uint8, whole).reshape(size, -1)
    return planes.T.tobytes() + content[whole:]
