"""The seal: what a finished product says of itself, and what tells whether anything was touched since."""

from __future__ import annotations

import hashlib
import json
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from . import layout
from .documents import SEAL, formed, parse
from .errors import Missing
from .markers import digest

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from .markers import Marker
    from .remote import Location


def read_seal(seal: Location) -> dict[str, Any] | None:
    """Return what a seal says, or None where there is none (or it is damaged)."""
    try:
        return formed(parse(seal.read()), SEAL)
    except (Missing, ValueError):
        return None


def write_seal(seal: Location, record: Mapping[str, Any]) -> None:
    """Write a seal."""
    seal.write(json.dumps(dict(record), sort_keys=True, indent=1).encode())


def summed(data: Location, markers: Iterable[Marker]) -> dict[str, Any]:
    """Return what the seal says of the stored bytes and of the work they took."""
    markers = list(markers)
    return {
        "seconds": round(sum(marker.seconds for marker in markers), 3),
        "moved": sum(marker.moved for marker in markers),
        "sources": {name: etag for marker in markers for name, etag in marker.sources.items()},
        "bytes": sum(stat.size for _, stat in data.files()),
        "created": datetime.now(UTC).isoformat(timespec="seconds"),
        "digest": digest(markers),
        "root": layout.crc_text((data / "zarr.json").read()),
        "listing": listing(data),
    }


def listing(data: Location) -> str:
    """Return one sha256 over name, size and etag of every stored object: equal means untouched since."""
    lines = sorted(f"{name} {stat.size} {stat.etag}" for name, stat in data.files())
    return hashlib.sha256("\n".join(lines).encode()).hexdigest()
