"""Arrays kept in the user's cache folder: written in one step, checked when they are read, never needed."""

from __future__ import annotations

import hashlib
import os
import uuid
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    Numbers = NDArray[np.int64]

MOST = 64
"""Files kept; the oldest goes first."""
_DIGEST = 32
_ENDING = ".index"


def folder() -> Path:
    """Return where they lie: below XDG_CACHE_HOME, by default ~/.cache (XDG Base Directory Specification)."""
    base = os.environ.get("XDG_CACHE_HOME") or "~/.cache"
    return Path(base).expanduser() / "vox2pix" / "chunks"


def get(name: str) -> list[Numbers] | None:
    """Return the arrays kept under a name, or None where there are none or they are damaged."""
    try:
        content = (folder() / f"{name}{_ENDING}").read_bytes()
    except (OSError, RuntimeError):  # the latter where there is no home
        return None
    body = content[_DIGEST:]
    if hashlib.sha256(body).digest() != content[:_DIGEST]:
        return None
    numbers = np.frombuffer(body, "<i8").astype(np.int64)
    count = int(numbers[0])
    return np.split(numbers[1 + count :], np.cumsum(numbers[1 : 1 + count])[:-1])


def put(name: str, arrays: Sequence[Numbers]) -> None:
    """Keep arrays under a name, if the folder takes them."""
    head = np.array([len(arrays), *map(len, arrays)])
    body = np.concatenate([head, *arrays]).astype("<i8").tobytes()
    with suppress(OSError, RuntimeError):
        place = folder()
        place.mkdir(parents=True, exist_ok=True)
        draft = place / f".{uuid.uuid4().hex}.partial"
        try:
            draft.write_bytes(hashlib.sha256(body).digest() + body)
            draft.replace(place / f"{name}{_ENDING}")
        finally:
            draft.unlink(missing_ok=True)
        _tidy(place)


def _tidy(place: Path) -> None:
    found = sorted(place.glob(f"*{_ENDING}"), key=lambda path: path.stat().st_mtime)
    for path in found[:-MOST]:
        path.unlink(missing_ok=True)
