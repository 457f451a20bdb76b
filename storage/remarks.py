"""What computing a block has to say in its marker, beside its arrays."""

from __future__ import annotations

import threading


class Remarks(threading.local):
    """What this thread has remarked since the last block was written."""

    def __init__(self) -> None:
        self.files: dict[str, str] = {}
        """crc32c by name below ``files/``."""
        self.batch: int | None = None
        """The batch that memory allowed, where it was not the one asked for."""

    def taken(self) -> tuple[dict[str, str], int | None]:
        """Return files and batch, and forget them."""
        found = self.files, self.batch
        self.clear()
        return found

    def clear(self) -> None:
        """Forget what a block before this one left."""
        self.files, self.batch = {}, None


remarks = Remarks()
