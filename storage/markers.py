"""Markers: the small files that say which blocks of a product are whole."""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

from .documents import MARKER, formed, parse
from .errors import Damaged

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

#: The frame's place among the blocks: what is known before any block.
FRAME = "frame"


@dataclass(frozen=True)
class Marker:
    """Says that a block is written, from what, and what its bytes add up to."""

    block: str
    """Number of the block, or "frame"."""
    chunks: Mapping[str, str]
    """crc32c (8 hexadecimal digits) by name below ``data/``: chunks, and for the frame each ``zarr.json``."""
    sources: Mapping[str, str] = field(default_factory=lambda: MappingProxyType({}))
    """Etag by source file at the time of reading."""
    seconds: float = 0.0
    """Time the block took to compute and write."""
    moved: int = 0
    """Bytes read from the source for it."""
    requests: int = 0
    """Requests that they took."""
    files: Mapping[str, str] = field(default_factory=lambda: MappingProxyType({}))
    """crc32c by name below ``files/``, of a block that has any."""
    batch: int | None = None
    """Size of a network's batch, where memory made it smaller than was asked: promised to 1e-3 only."""

    def dumps(self) -> bytes:
        """Return the marker as JSON."""
        said: dict[str, Any] = {
            "block": self.block,
            "chunks": dict(self.chunks),
            "sources": dict(self.sources),
            "seconds": round(self.seconds, 3),
            "moved": self.moved,
            "requests": self.requests,
        }
        said |= {"files": dict(self.files)} if self.files else {}
        said |= {} if self.batch is None else {"batch": self.batch}
        return json.dumps(said, sort_keys=True).encode()

    @classmethod
    def loads(cls, text: bytes, place: object, block: str) -> Marker:
        """Return the marker of a JSON text, which should be that of a block.

        Raises
        ------
        Damaged
            If the text is not a marker, or another block's.
        """
        try:
            said = formed(parse(text), {**MARKER, "block": lambda found: found == block})
        except ValueError:
            raise Damaged(f"marker {place} is damaged; `vox2pix run` recomputes its block") from None
        return cls(
            said["block"],
            said["chunks"],
            said["sources"],
            said["seconds"],
            said["moved"],
            said.get("requests") or 0,
            said.get("files") or {},
            said.get("batch"),
        )


def block_name(block: int) -> str:
    """Return a block's number as it stands in file names.

    >>> block_name(7)
    '00007'
    """
    return f"{block:05d}"


def digest(markers: Iterable[Marker]) -> str:
    """Return one sha256 over what the markers say of the stored bytes."""
    lines = [f"{marker.block} {name} {crc}" for marker in markers for name, crc in marker.chunks.items()]
    lines += [
        f"{marker.block} files/{name} {crc}" for marker in markers for name, crc in marker.files.items()
    ]
    lines.sort()
    return hashlib.sha256("\n".join(lines).encode()).hexdigest()
