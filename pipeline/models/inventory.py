"""What is known of published weights, and which of them are on this machine."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from .published import MODELS
from .weights import WeightsMissing, files, located

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from .published import Part, Published

FLOAT = 4
"""Bytes of a number in full precision."""


def inventory(weights: str = "published") -> list[dict[str, Any]]:
    """Return what is known of each published model, and of its parts, for JSON.

    Parameters
    ----------
    weights
        Where to look for them, as `located` takes it.
    """
    return [_model(model, weights) for model in MODELS]


def here(weights: str = "published") -> Iterator[str]:
    """Yield the names of the parts that are in a place, as `published.named` knows them."""
    for model in MODELS:
        for part in model.parts:
            if _place(model.called(part), weights) is not None:
                yield model.called(part)


def size_of(parts: list[dict[str, Any]]) -> tuple[int | None, bool]:
    """Return the bytes of parts, and whether these are exact; None where a part's are unknown.

    Four bytes a number, where nobody has said but the numbers are known.
    """
    sizes, exact = [], True
    for part in parts:
        size = part["bytes"]
        if size is None and part["parameters"] is not None:
            size, exact = FLOAT * part["parameters"], False
        sizes.append(size)
    known = [size for size in sizes if size is not None]
    return (sum(known) if len(known) == len(sizes) else None), exact


def _model(model: Published, weights: str) -> dict[str, Any]:
    parts = [_part(model, part, weights) for part in model.parts]
    place = _place(model.name, weights)
    return {
        "name": model.name,
        "what": model.what,
        "home": model.home,
        "licence": model.licence,
        "note": model.note,
        "features": list(model.features),
        "generators": list(model.generators),
        "there": None if place is None else str(place),
        "parts": parts,
    }


def _part(model: Published, part: Part, weights: str) -> dict[str, Any]:
    place = _place(model.called(part), weights)
    found = [] if place is None else [place] if place.is_file() else files(place)
    return {
        "name": model.called(part),
        "path": part.path,
        "bytes": sum(one.stat().st_size for one in found) if found else part.size,
        "sha256": part.sha256,
        "parameters": part.parameters,
        "there": None if place is None else str(place),
    }


def _place(name: str, weights: str) -> Path | None:
    try:
        return located(name, weights)
    except WeightsMissing:
        return None
