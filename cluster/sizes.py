"""Bytes as people write and read them."""

from __future__ import annotations

import re

_UNITS = {"": 1, "K": 10**3, "M": 10**6, "G": 10**9, "T": 10**12}
_BINARY = {"K": 2**10, "M": 2**20, "G": 2**30, "T": 2**40}
_SIZE = re.compile(r"\s*(\d+(?:\.\d+)?)\s*(?:([KMGT])(i?))?B?\s*", re.IGNORECASE)


def parse_bytes(text: str) -> int:
    """Return the number of bytes that a text like ``2GB`` or ``1.5 GiB`` stands for.

    Parameters
    ----------
    text
        A number with an optional unit: B, kB, MB, GB, TB (powers of 1000) or KiB to TiB (powers of 1024).

    Raises
    ------
    ValueError
        Where the text is nothing of the kind, or stands for less than one byte.

    Examples
    --------
    >>> parse_bytes("2GB"), parse_bytes("1.5 KiB")
    (2000000000, 1536)
    """
    found = _SIZE.fullmatch(text)
    number, unit, binary = found.groups(default="") if found else ("0", "", "")
    size = int(float(number) * (_BINARY if binary else _UNITS)[unit.upper()])
    if size < 1:
        raise ValueError(f"{text!r} is not a size; expected a number with a unit, like '2GB' or '512MiB'")
    return size


def human(size: float) -> str:
    """Return a number of bytes for reading.

    Examples
    --------
    >>> human(2_000_000_000), human(999)
    ('2.0 GB', '999 B')
    """
    for unit, scale in (("TB", 1e12), ("GB", 1e9), ("MB", 1e6), ("kB", 1e3)):
        if size >= scale:
            return f"{size / scale:.1f} {unit}"
    return f"{size:.0f} B"
