"""The seal: what a finished product says of itself, and what tells whether anything was touched since."""

from __future__ import annotations

import hashlib
import json
from contextlib import suppress
from dataclasses import replace
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


def summed(place: Location, markers: Iterable[Marker]) -> dict[str, Any]:
    """Return what the seal says of the stored bytes and of the work they took."""
    markers, data = list(markers), place / "data"
    files = sorted(name for marker in markers for name in marker.files)
    sizes = [stat.size for _, stat in data.files()] + [(place / "files" / name).stat().size for name in files]
    return {
        "seconds": round(sum(marker.seconds for marker in markers), 3),
        "moved": sum(marker.moved for marker in markers),
        "requests": sum(marker.requests for marker in markers),
        "sources": {name: etag for marker in markers for name, etag in marker.sources.items()},
        "bytes": sum(sizes),
        "created": datetime.now(UTC).isoformat(timespec="seconds"),
        "digest": digest(markers),
        "root": layout.crc_text((data / "zarr.json").read()),
        "listing": listing(place, files),
        **({"files": files} if files else {}),
    }


def listing(place: Location, files: Iterable[str] = ()) -> str:
    """Return one sha256 over name, size and etag of every stored object: equal means untouched since.

    Parameters
    ----------
    place
        A product's; its arrays' chunks are listed.
    files
        Names of what it has below ``files/``.
    """
    lines = [f"{name} {stat.size} {stat.etag}" for name, stat in (place / "data").files()]
    for name in files:
        with suppress(Missing):
            stat = (place / "files" / name).stat()
            lines.append(f"files/{name} {stat.size} {stat.etag}")
    return hashlib.sha256("\n".join(sorted(lines)).encode()).hexdigest()


def untouched(place: Location, record: Mapping[str, Any]) -> bool:
    """Tell whether nothing stored has been written since the seal; a listing, no chunk is read."""
    now = listing(place, record.get("files") or ())
    return bool(record["listing"] == now) and not (place / "damaged.json").exists()


def restamp(place: Location, frame: Marker, sources: Mapping[str, str]) -> None:
    """Note other etags of the files a frame was made from, after it was found to be the same."""
    (place / "done" / f"{frame.block}.json").write(replace(frame, sources=dict(sources)).dumps())
    record = read_seal(place / "product.json")
    if record is not None:
        write_seal(place / "product.json", {**record, "sources": {**record["sources"], **sources}})


def relist(place: Location, record: Mapping[str, Any]) -> None:
    """Renew the seal's listing, after a copy of the archive was found whole."""
    now = listing(place, record.get("files") or ())
    write_seal(place / "product.json", {**record, "listing": now})
    (place / "damaged.json").delete()
