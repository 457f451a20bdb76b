"""Where an HDF5 file begins: versions, how wide its nodes are, where the root group is."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from .window import UNDEFINED, NotOurs

if TYPE_CHECKING:
    from .window import Window

SIGNATURE = b"\x89HDF\r\n\x1a\n"
PLACES = (0, 512, 1024, 2048, 4096)
"""Bytes at which a superblock is looked for; MATLAB leaves 512 in front."""
NODE_HALF = 32
"""Half the entries of a chunk B-tree's node, where the file does not say (HDF5 File Format, II.A)."""


@dataclass(frozen=True)
class Superblock:
    """What a superblock says.

    Attributes
    ----------
    root : int
        Address of the root group's object header.
    extension : int, optional
        Address of an object header with more about the file.
    half : int
        Half the entries of a chunk B-tree's node.
    """

    root: int
    extension: int | None
    half: int


def read_superblock(window: Window) -> Superblock:
    """Find and read the superblock, versions 0 to 3; from then on addresses count from its base.

    Raises
    ------
    Invalid
        If the file is not HDF5, or is cut.
    NotOurs
        If it is of another version.
    """
    place = _find(window)
    version = window.at(place + 8, 1)[0]
    if version > 3:
        raise NotOurs(f"superblock version {version}")
    widths = window.at(place + (13 if version < 2 else 9), 2)
    if widths != b"\x08\x08":
        raise NotOurs(f"addresses of {widths[0]} and lengths of {widths[1]} bytes")
    found, base, end = (_old if version < 2 else _new)(window, place, version)
    if end > window.stat.size:
        raise window.damaged(f"it ends at byte {window.stat.size} of {end}: it is truncated")
    window.base = base
    return found


def _find(window: Window) -> int:
    for place in PLACES:
        if place + 96 > window.stat.size:
            break
        if window.at(place, 8) == SIGNATURE:
            return place
    raise window.damaged("it does not begin as HDF5 files do")


def _old(window: Window, place: int, version: int) -> tuple[Superblock, int, int]:
    half, skip = NODE_HALF, 24
    if version == 1:
        half, skip = window.numbers(place + 24, "H")[0], 28
    base, _, end, _ = window.numbers(place + skip, "4Q")
    root = window.numbers(place + skip + 40, "Q")[0]
    return Superblock(root, None, half), base, end


def _new(window: Window, place: int, _version: int) -> tuple[Superblock, int, int]:
    base, extension, end, root = window.numbers(place + 12, "4Q")
    return Superblock(root, None if extension == UNDEFINED else extension, NODE_HALF), base, end
