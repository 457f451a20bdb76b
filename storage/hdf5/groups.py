"""Names in the root group: as symbol tables (old files) or as link messages (new ones)."""

from __future__ import annotations

import struct
from typing import TYPE_CHECKING

from .window import UNDEFINED, NotOurs

if TYPE_CHECKING:
    from collections.abc import Iterator

    from .headers import Messages
    from .window import Window

LINK_INFO, LINK, SYMBOL_TABLE = 0x02, 0x06, 0x11
NODES = 1024
"""Nodes of a group's tree that are looked at; one that goes in circles has no end."""


def names(window: Window, group: Messages) -> dict[str, int]:
    """Return the address of each object in a group by its name.

    Raises
    ------
    Invalid
        If the group is damaged.
    NotOurs
        If it is indexed in a way of large new files, or holds links to other files.
    """
    if SYMBOL_TABLE in group:
        tree, heap = struct.unpack_from("<QQ", group[SYMBOL_TABLE][0].ljust(16, b"\xff"))
        return dict(_symbols(window, tree, _heap(window, heap)))
    for info in group.get(LINK_INFO, []):
        skip = 10 if info[1:2] and info[1] & 1 else 2
        if struct.unpack_from("<Q", info.ljust(skip + 8, b"\xff"), skip)[0] != UNDEFINED:
            raise NotOurs("a group with an index of its names")
    return dict(_link(window, body) for body in group.get(LINK, []))


def _heap(window: Window, address: int) -> bytes:
    if window.at(address, 4) != b"HEAP":
        raise window.damaged("a group has no names")
    size, _, place = window.numbers(address + 8, "3Q")
    return window.at(place, size)


def _symbols(window: Window, tree: int, heap: bytes) -> Iterator[tuple[str, int]]:
    waiting = [tree]
    for _ in range(NODES):
        if not waiting:
            return
        address = waiting.pop()
        kind, level, used = window.numbers(address + 4, "BBH")
        if window.at(address, 4) != b"TREE" or kind != 0:
            raise window.damaged("a group's tree has no node where one should be")
        children = window.numbers(address + 24, f"{2 * used}Q")[1::2]
        if level:
            waiting.extend(children)
        for child in () if level else children:
            yield from _leaf(window, child, heap)
    raise window.damaged("a group's tree does not end")


def _leaf(window: Window, address: int, heap: bytes) -> Iterator[tuple[str, int]]:
    if window.at(address, 4) != b"SNOD":
        raise window.damaged("a group's tree has no names where there should be some")
    (count,) = window.numbers(address + 6, "H")
    for at in range(count):
        name, header, cached = window.numbers(address + 8 + 40 * at, "QQI")
        if cached != 2:  # 2: a soft link, whose header does not exist
            yield heap[name : heap.find(b"\0", name)].decode(errors="replace"), header


def _link(window: Window, body: bytes) -> tuple[str, int]:
    try:
        flags = body[1]
        at, kind = (3, body[2]) if flags & 0x08 else (2, 0)
        at += (8 if flags & 0x04 else 0) + (1 if flags & 0x10 else 0)
        width = 1 << (flags & 3)
        length = int.from_bytes(body[at : at + width], "little")
        name = body[at + width : at + width + length].decode(errors="replace")
        if kind != 0:
            raise NotOurs("links to other places")
        return name, int(struct.unpack_from("<Q", body, at + width + length)[0])
    except (IndexError, struct.error):
        raise window.damaged("a link is cut") from None
