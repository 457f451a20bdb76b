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

    def read(
        self,
        name: str,
        start: int,
        length: int | None,
        etag: str | None = None,
        given_up: threading.Event | None = None,
    ) -> bytes:
        """Return bytes of a file; a negative start counts from the end.

        With an etag, `Changed` is raised where the file is another one by now. `given_up` is set by
        another thread when nobody waits for the answer any more: then nothing is tried again.
        """
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


class Account:
    """Bytes and requests; the threads that fetch for one reader share his."""

    def __init__(self) -> None:
        self.bytes = 0
        self.requests = 0
        self._lock = threading.Lock()

    def count(self, size: int) -> None:
        """Add one request that brought `size` bytes."""
        with self._lock:
            self.bytes += size
            self.requests += 1


class Traffic(threading.local):
    """What this thread has read from object stores; a block's share is the difference before and after.

    Requests that failed and were sent again count each time, with the bytes that came.
    """

    def __init__(self) -> None:
        self.account = Account()

    @property
    def bytes(self) -> int:
        """Bytes that came."""
        return self.account.bytes

    @property
    def requests(self) -> int:
        """Requests that were sent."""
        return self.account.requests

    def count(self, size: int) -> None:
        """Add one request that brought `size` bytes."""
        self.account.count(size)

    def join(self, account: Account) -> None:
        """Let what this thread reads from now on count for another one."""
        self.account = account


traffic = Traffic()
