"""What computing a block has to say beside its arrays: in its marker, and to the user."""

from __future__ import annotations

import threading


class Remarks(threading.local):
    """What this thread has remarked since the last block was written."""

    def __init__(self) -> None:
        self.files: dict[str, str] = {}
        """crc32c by name below ``files/``."""
        self.batch: int | None = None
        """The batch that memory allowed, where it was not the one asked for."""
        self.notes: list[str] = []
        """What the user should know, however far away the block is computed."""

    def taken(self) -> tuple[dict[str, str], int | None]:
        """Return files and batch, and forget them."""
        found = self.files, self.batch
        self.clear()
        return found

    def clear(self) -> None:
        """Forget what a block before this one left."""
        self.files, self.batch, self.notes = {}, None, []


remarks = Remarks()
