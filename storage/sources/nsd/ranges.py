"""Bytes of a release: small files whole, large ones by ranges, as a file, or on disk while they are read."""

from __future__ import annotations

import io
import tempfile
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from storage.errors import Changed, Invalid, Missing, NotWritten, StorageError
from storage.remote import PIECE
from storage.sources.reading import reading
from storage.transfer import traffic

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from storage.remote import Location
    from storage.transfer import Stat

HEADER = 2**16
"""Bytes a request while a file's header is walked through."""
_CONCURRENT = 8


def stat_or_none(location: Location) -> Stat | None:
    """Return size and etag of a file, or None where there is none."""
    try:
        return location.stat()
    except Missing:
        return None


def read_ranges(location: Location, spans: Sequence[tuple[int, int]]) -> Iterator[bytes]:
    """Yield the bytes of each (start, length) of a file in order, some requests at once.

    Raises
    ------
    Invalid
        If the file ends before a range does.
    """
    if location.is_local:
        parts = (location.read(*span) for span in spans)
        yield from (_whole(location, part, span) for part, span in zip(parts, spans, strict=True))
        return
    with ThreadPoolExecutor(_CONCURRENT) as pool:
        # A few at a time, so that what was read and not yet taken stays small.
        for first in range(0, len(spans), 4 * _CONCURRENT):
            asked = spans[first : first + 4 * _CONCURRENT]
            for part, span in zip(pool.map(lambda each: location.read(*each), asked), asked, strict=True):
                traffic.count(len(part))  # the pool's threads have counts of their own, which nobody reads
                yield _whole(location, part, span)


def _whole(location: Location, part: bytes, span: tuple[int, int]) -> bytes:
    if len(part) != span[1]:
        found = f"{location} ends {span[1] - len(part)} bytes before the data at byte {span[0]} do"
        raise Invalid(f"{found}; the file is truncated: get it again")
    return part


class RangedFile(io.RawIOBase):
    """A remote file that can be read and sought like one on disk, a block of bytes a request.

    Parameters
    ----------
    location : Location
        The file.
    block : int
        Bytes a request; the last block is kept.
    """

    def __init__(self, location: Location, block: int) -> None:
        super().__init__()
        self.location = location
        self.block = block
        self.found = location.stat()
        self.fault: StorageError | None = None
        self._at = 0
        self._kept: tuple[int, bytes] = (-1, b"")

    def readable(self) -> bool:
        """Return True."""
        return True

    def seekable(self) -> bool:
        """Return True."""
        return True

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        """Move to a byte."""
        self._at = offset + {io.SEEK_SET: 0, io.SEEK_CUR: self._at, io.SEEK_END: self.found.size}[whence]
        return self._at

    def tell(self) -> int:
        """Return the byte that is read next."""
        return self._at

    def readinto(self, buffer: Any) -> int:
        """Fill a buffer as far as one block goes; format libraries ask again."""
        view, done = memoryview(buffer).cast("B"), 0
        while done < len(view) and self._at < self.found.size:
            number = self._at // self.block
            part = self._block(number)[self._at - number * self.block :][: len(view) - done]
            view[done : done + len(part)] = part
            done, self._at = done + len(part), self._at + len(part)
        return done

    def _block(self, number: int) -> bytes:
        if self._kept[0] != number:
            start = number * self.block
            try:
                content = self.location.read(start, min(self.block, self.found.size - start))
            except StorageError as fault:
                self.fault = fault  # format libraries turn it into words of their own
                raise
            self._kept = number, content
        return self._kept[1]

    def check_unchanged(self) -> None:
        """Raise `Changed` where the file is another now than when it was opened."""
        if self.location.stat().etag != self.found.etag:
            raise Changed(f"{self.location} was written while it was read; run again when it is complete")


@contextmanager
def streamed(location: Location, block: int = PIECE) -> Iterator[io.BufferedIOBase]:
    """Open a file to be read from its start, or by seeking; a remote one by ranges, without a copy.

    Whatever a format library makes of damaged bytes comes out as `Invalid`.
    """
    if location.is_local:
        location.stat()
        with reading(str(location)), location.local.open("rb") as file:
            yield file
        return
    ranged = RangedFile(location, block)
    with reading(str(location)):
        try:
            yield io.BufferedReader(ranged, block)
        except Exception:
            if ranged.fault is not None:
                raise ranged.fault from None
            raise
    ranged.check_unchanged()


@contextmanager
def hdf5_header(location: Location) -> Iterator[Any]:
    """Open an HDF5 file for its header and for small reads; a remote one by ranges, without a copy."""
    import h5py

    with streamed(location, HEADER) as file, h5py.File(file, "r") as opened:
        yield opened


@contextmanager
def on_disk(location: Location) -> Iterator[Path]:
    """Have a file on this machine; the copy of a remote one is removed afterwards.

    Raises
    ------
    Changed
        If the file was written while it was fetched.
    NotWritten
        If the temporary folder cannot take it.
    """
    if location.is_local:
        location.stat()
        yield location.local
        return
    with tempfile.TemporaryDirectory(prefix="vox2pix-") as folder:
        path = Path(folder, location.name)
        _fetch(location, path)
        yield path


def _fetch(location: Location, path: Path) -> None:
    etag = location.stat().etag
    try:
        location.fetch(path)
    except OSError as fault:
        if fault.errno is None:  # one of ours, from the store; those of the disk have a number
            raise
        raise NotWritten(
            f"{location} does not fit {path.parent.parent} ({fault.strerror}): make room or set TMPDIR"
        ) from None
    if location.stat().etag != etag:
        raise Changed(f"{location} was written while it was read; run again when it is complete")
