"""Whether a simulated release has room here: told before anything is drawn or written."""

from __future__ import annotations

import os
import shutil
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from storage.remote import Location

INDEX = 16
"""Bytes of a place's or a pixel's indices along two axes, int64: what drawing it holds at least."""
_UNITS = ((1e15, "PB"), (1e12, "TB"), (1e9, "GB"), (1e6, "MB"))


def insist_room(held: int, written: int, target: Location) -> None:
    """Refuse a release that this machine can't hold.

    Parameters
    ----------
    held : int
        Bytes that are held at once, at least.
    written : int
        Bytes that are written, at least.
    target : Location
        Where to.

    Raises
    ------
    ValueError
        If they are more than the memory, or than what is free on the disk.
    """
    memory = os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
    if held > memory:
        raise ValueError(
            f"that takes about {_size(held)} of memory, and this machine has {_size(memory)}: use fewer or "
            "smaller images, fewer trials or a smaller grid"
        )
    if target.is_local:
        folder = target.local.absolute()
        while not folder.exists():
            folder = folder.parent
        free = shutil.disk_usage(folder).free
        if written > free:
            raise ValueError(
                f"that takes about {_size(written)} of disk, and {_size(free)} are free at {folder}: use "
                "fewer or smaller images, fewer sessions or subjects, a smaller grid, or another place"
            )


def _size(count: int) -> str:
    scale, unit = next(((scale, unit) for scale, unit in _UNITS if count >= scale), _UNITS[-1])
    return f"{count / scale:,.1f} {unit}"
