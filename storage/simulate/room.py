"""Whether a simulated release has room in memory: told before anything is drawn or written."""

from __future__ import annotations

import os

INDEX = 16
"""Bytes of a place's or a pixel's indices along two axes, int64: what drawing it holds at least."""
_UNITS = ((1e15, "PB"), (1e12, "TB"), (1e9, "GB"), (1e6, "MB"))


def insist_room(held: int) -> None:
    """Refuse a release that this machine can't hold.

    Parameters
    ----------
    held : int
        Bytes that are held at once, at least.

    Raises
    ------
    ValueError
        If they are more than the memory.
    """
    memory = os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
    if held > memory:
        raise ValueError(
            f"that takes about {_size(held)} of memory, and this machine has {_size(memory)}: use fewer or "
            "smaller images, fewer trials or a smaller grid"
        )


def _size(count: int) -> str:
    scale, unit = next(((scale, unit) for scale, unit in _UNITS if count >= scale), _UNITS[-1])
    return f"{count / scale:,.1f} {unit}"
