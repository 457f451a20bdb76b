"""Object headers: the messages that describe a group or a dataset, versions 1 and 2."""

from __future__ import annotations

import struct
from typing import TYPE_CHECKING

from .window import NotOurs

if TYPE_CHECKING:
    from collections.abc import Iterator

    from .window import Window

CONTINUATION = 0x10
BLOCKS = 64
"""Blocks that a header may consist of; one that goes in circles has no end."""
SHARED = 0x02
"""Flag of a message whose content stands elsewhere."""

Messages = dict[int, list[bytes]]


def read_header(window: Window, address: int) -> Messages:
    """Return the messages of an object by their type (HDF5 File Format, IV.A).

    Raises
    ------
    Invalid
        If it is no object header, points outside of the file, or goes in circles.
    NotOurs
        If it is of another version, or shares its messages with other objects.
    """
    start = window.at(address, 4)
    if start == b"OHDR":
        blocks, new = [_first_new(window, address)], True
    elif start[0] == 1:
        blocks, new = [(address + 16, window.numbers(address + 8, "I")[0], 0)], False
    else:
        raise window.damaged(f"no object begins at byte {window.base + address}")
    found: Messages = {}
    for _ in range(BLOCKS):
        if not blocks:
            return found
        place, length, flags = blocks.pop()
        for kind, shared, body in (_new if new else _old)(window.at(place, length), flags):
            if kind == CONTINUATION:
                blocks.append(_continued(window, body, flags, new=new))
            else:
                found.setdefault(kind, []).append(_own(kind, body, shared=shared))
    raise window.damaged("an object's header does not end")


def _own(kind: int, body: bytes, *, shared: bool) -> bytes:
    if shared and kind in {0x01, 0x03, 0x05, 0x08, 0x0B}:
        raise NotOurs("messages that objects share")
    return body


def _continued(window: Window, body: bytes, flags: int, *, new: bool) -> tuple[int, int, int]:
    if len(body) < 16:
        raise window.damaged("an object's header is cut")
    place, length = struct.unpack_from("<QQ", body)
    if not new:
        return place, length, flags
    if window.at(place, 4) != b"OCHK" or length < 8:
        raise window.damaged("an object's header goes on where there is none")
    return place + 4, length - 8, flags


def _first_new(window: Window, address: int) -> tuple[int, int, int]:
    version, flags = window.at(address + 4, 2)
    if version != 2:
        raise NotOurs(f"object header version {version}")
    place = address + 6 + (16 if flags & 0x20 else 0) + (4 if flags & 0x10 else 0)
    width = 1 << (flags & 3)
    length = int.from_bytes(window.at(place, width), "little")
    return place + width, length, flags


def _old(block: bytes, _flags: int) -> Iterator[tuple[int, bool, bytes]]:
    at = 0
    while at + 8 <= len(block):
        kind, length, flags = struct.unpack_from("<HHB", block, at)
        yield kind, bool(flags & SHARED), block[at + 8 : at + 8 + length]
        at += 8 + length


def _new(block: bytes, header_flags: int) -> Iterator[tuple[int, bool, bytes]]:
    at, skip = 0, 6 if header_flags & 0x04 else 4
    while at + skip <= len(block):
        kind, length, flags = struct.unpack_from("<BHB", block, at)
        yield kind, bool(flags & SHARED), block[at + skip : at + skip + length]
        at += skip + length
