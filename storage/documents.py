"""The JSON files of an archive, as they are found: bytes a disk gives back need not be those it was given.

A text is taken for what it should be only if every part that is read later has the type it was written with.
"""

from __future__ import annotations

import json
import math
from datetime import datetime
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    Form = Mapping[str, Callable[[Any], bool]]


def parse(text: bytes) -> dict[str, Any]:
    """Return the object a JSON text holds.

    Raises
    ------
    ValueError
        If the text holds none: empty, cut, not UTF-8, a list, nested beyond all measure.
    """
    try:
        said = json.loads(text)
    except RecursionError:
        raise ValueError("nested too deeply") from None
    if not isinstance(said, dict):
        raise ValueError("no JSON object")  # noqa: TRY004  (the caller's type is right, the text is not)
    return said


def formed(said: object, form: Form) -> dict[str, Any]:
    """Return an object whose parts are as `form` has them.

    Raises
    ------
    ValueError
        If it is not an object, or a part is absent or of another type.
    """
    if not isinstance(said, dict):
        raise ValueError("no JSON object")  # noqa: TRY004
    wrong = [name for name, right in form.items() if not right(said.get(name))]
    if wrong:
        raise ValueError(f"{wrong[0]} is not what was written")
    return said


def _text(value: Any) -> bool:
    return isinstance(value, str)


def _texts(value: Any) -> bool:
    """Tell whether this maps names to texts."""
    return isinstance(value, dict) and all(isinstance(text, str) for text in value.values())


def _count(value: Any) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and value >= 0


def _number(value: Any) -> bool:
    return isinstance(value, (int, float)) and not isinstance(value, bool) and math.isfinite(value)


def _edges(value: Any) -> bool:
    """Tell whether these are the edges of blocks."""
    return isinstance(value, list) and len(value) > 1 and all(map(_count, value)) and value == sorted(value)


def _moment(value: Any) -> bool:
    try:
        datetime.fromisoformat(value)
    except (TypeError, ValueError):
        return False
    return True


#: What a product's group says of itself, ``data/zarr.json``.
ABOUT: Form = MappingProxyType(
    {
        "stage": _text,
        "version": _count,
        "settings": lambda value: isinstance(value, dict),
        "inputs": _texts,
        "block": lambda value: value is None or isinstance(value, str),
        "edges": _edges,
    }
)

#: What a seal says that is read again, ``product.json``.
SEAL: Form = MappingProxyType(
    {
        "edges": _edges,
        "bytes": _count,
        "moved": _count,
        "requests": lambda value: value is None or _count(value),
        "seconds": _number,
        "created": _moment,
        "sources": _texts,
        "software": lambda value: value is None or _texts(value),
        "digest": _text,
        "root": _text,
        "listing": _text,
        "files": lambda value: value is None or (isinstance(value, list) and all(map(_text, value))),
    }
)

#: What a checkpoint's marker says, ``work/<name>.json``.
CHECKPOINT: Form = MappingProxyType(
    {"step": _count, "crc": _text, "size": _count, "meaning": _text, "name": _text}
)

#: How far a training is, ``work/progress.json``.
PROGRESS: Form = MappingProxyType(
    {
        "step": _count,
        "steps": _count,
        "loss": _number,
        "val_loss": lambda value: value is None or _number(value),
        "seconds_left": _number,
        "at": _number,
    }
)

#: What a marker says, ``done/<block>.json``.
MARKER: Form = MappingProxyType(
    {
        "block": _text,
        "chunks": _texts,
        "sources": _texts,
        "seconds": _number,
        "moved": _count,
        "requests": lambda value: value is None or _count(value),
        "files": lambda value: value is None or _texts(value),
        "batch": lambda value: value is None or _count(value),
    }
)
