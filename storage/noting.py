"""A Zarr store that notes what it was given: size and checksum of each chunk, without reading one back."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from zarr.storage import WrapperStore

if TYPE_CHECKING:
    from zarr.core.buffer import Buffer


class Noting(WrapperStore[Any]):
    """Passes everything on to another store.

    A write that returns has arrived: a rename locally, a PUT on S3. Reading its last bytes back would ask
    the page cache, or cost two requests a chunk.

    Attributes
    ----------
    noted : dict
        Size, and the last four bytes, by key.
    """

    def __init__(self, store: Any, noted: dict[str, tuple[int, bytes]] | None = None) -> None:
        super().__init__(store)
        self.noted = {} if noted is None else noted

    def _with_store(self, store: Any) -> Noting:
        return Noting(store, self.noted)

    async def set(self, key: str, value: Buffer) -> None:
        """Store, then note."""
        await super().set(key, value)
        self.noted[key] = len(value), value[-4:].to_bytes()
