"""What every kind of store has in common: what it says of an object, what it can do, what was moved."""

from __future__ import annotations

import threading
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol

if TYPE_CHECKING:
    from collections.abc import Iterator


@dataclass(frozen=True)
class Stat:
    """What a store says of one object."""

    size: int
    """Bytes."""
    etag: str
    """Changes when the object is written again: the store's etag, locally inode, size and mtime."""
    modified: float
    """Seconds since the epoch."""


class Backend(Protocol):
    """What a kind of store must be able to do; names are relative to the location."""

    def stat(self, name: str) -> Stat:
        """Return size, etag and time of a file."""
        ...

    def read(self, name: str, start: int, length: int | None) -> bytes:
        """Return bytes of a file; a negative start counts from the end."""
        ...

    def write(self, name: str, content: bytes) -> None:
        """Write a file in one step."""
        ...

    def delete(self, name: str) -> None:
        """Remove a file, if it is there."""
        ...

    def folders(self, name: str) -> list[str]:
        """Return the names of the folders in a folder."""
        ...

    def files(self, name: str, *, recursive: bool) -> Iterator[tuple[str, Stat]]:
        """Yield the files in a folder."""
        ...

    def zarr(self, name: str) -> Any:
        """Return the Zarr store of a folder."""
        ...


class Traffic(threading.local):
    """What this thread has read from object stores; a block's share is the difference before and after."""

    bytes: int = 0
    requests: int = 0

    def count(self, size: int) -> None:
        """Add one request of `size` bytes."""
        self.bytes += size
        self.requests += 1


traffic = Traffic()
