"""Fingerprints: a short name for the meaning of a product, a recipe or a file."""

from __future__ import annotations

import hashlib
import json
import math
from collections.abc import Mapping, Sequence
from collections.abc import Set as AbstractSet
from typing import Any

#: Hexadecimal digits kept of a sha256: 64 bits, no two products of an archive will ever share them.
DIGITS = 16


def canonical(value: object) -> Any:
    """Return `value` as JSON can hold it, so that equal meanings become equal texts.

    Numbers lose the way they were written (60000, 60000.0 and 6e4 are one), mappings and sets
    their order, tuples their difference from lists.

    Raises
    ------
    TypeError
        For anything that is no number, text, boolean, None, mapping or sequence of such.
    """
    if value is None or isinstance(value, (bool, str)):
        return value
    if isinstance(value, (int, float)):
        return _number(value)
    if isinstance(value, Mapping):
        return {str(key): canonical(value[key]) for key in sorted(value, key=str)}
    if isinstance(value, AbstractSet):
        return sorted((canonical(item) for item in value), key=str)
    if isinstance(value, Sequence) and not isinstance(value, (bytes, bytearray)):
        return [canonical(item) for item in value]
    raise TypeError(f"a fingerprint takes plain values, found {type(value).__name__}: {value!r}")


def _number(value: float) -> int | float | str:
    if isinstance(value, float) and not math.isfinite(value):
        return repr(value)
    return int(value) if value == int(value) else float(value)


def fingerprint(meaning: object) -> str:
    """Return the first 16 hexadecimal digits of the sha256 of `meaning` in canonical JSON.

    >>> fingerprint({"alpha": 60000}) == fingerprint({"alpha": 6e4})
    True
    """
    text = json.dumps(canonical(meaning), sort_keys=True, separators=(",", ":"), ensure_ascii=True)
    return hashlib.sha256(text.encode()).hexdigest()[:DIGITS]


def is_fingerprint(text: str) -> bool:
    """Tell whether a path component can be a fingerprint."""
    return len(text) == DIGITS and set(text) <= set("0123456789abcdef")
