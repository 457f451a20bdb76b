"""A remote file as Python files are, for libraries that read and seek: a block of bytes a request."""

from __future__ import annotations

import io
from collections import OrderedDict
from contextlib import contextmanager
from traceback import clear_frames
from typing import TYPE_CHECKING, Any

from storage.reading import reading

if TYPE_CHECKING:
    from collections.abc import Iterator

    from storage.remote import Location
    from storage.transfer import Stat

BLOCK = 8192
"""Bytes a request."""
KEPT = 64
"""Blocks kept."""


class RangedFile(io.RawIOBase):
    """One version of a remote file, to be read and sought.

    Parameters
    ----------
    location, stat : Location, Stat
        The file, and the version that is read.
    head : bytes
        How it begins, if that is known: as many bytes as a request asks for.
    """

    def __init__(self, location: Location, stat: Stat, head: bytes = b"") -> None:
        super().__init__()
        self.location = location
        self.stat = stat
        self.fault: Exception | None = None
        self._at = 0
        self._kept: OrderedDict[int, bytes] = OrderedDict({0: head} if head else {})

    def readable(self) -> bool:
        """Return True."""
        return True

    def seekable(self) -> bool:
        """Return True."""
        return True

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        """Move to a byte."""
        self._at = offset + {io.SEEK_SET: 0, io.SEEK_CUR: self._at, io.SEEK_END: self.stat.size}[whence]
        return self._at

    def tell(self) -> int:
        """Return the byte that is read next."""
        return self._at

    def readinto(self, buffer: Any) -> int:
        """Fill a buffer as far as the file goes."""
        view, done = memoryview(buffer).cast("B"), 0
        while done < len(view) and self._at < self.stat.size:
            number = self._at // BLOCK
            part = self._block(number)[self._at - number * BLOCK :][: len(view) - done]
            view[done : done + len(part)] = part
            done, self._at = done + len(part), self._at + len(part)
        return done

    def _block(self, number: int) -> bytes:
        if number not in self._kept:
            start = number * BLOCK
            length = min(BLOCK, self.stat.size - start)
            try:
                self._kept[number] = self.location.read(start, length, self.stat.etag)
            except Exception as fault:
                self.fault = fault  # format libraries turn it into words of their own
                raise
            if len(self._kept) > KEPT:
                self._kept.popitem(last=False)
        return self._kept[number]


def open_by_h5py(file: Any) -> Any:
    """Open what can be read and sought by h5py.

    Raises
    ------
    Exception
        What h5py, or reading the file, raises. Its frames are emptied: they hold what HDF5 knows of the
        file, and HDF5 lets go of that at the end of the process, when there is no Python to ask any more.
    """
    import h5py

    try:
        return h5py.File(file, "r", rdcc_nbytes=0)
    except Exception as error:
        clear_frames(error.__traceback__)
        raise


@contextmanager
def opened(location: Location, stat: Stat, head: bytes = b"") -> Iterator[Any]:
    """Open an HDF5 file by h5py for small reads; a remote one by ranges, without a copy.

    Of that the first ones need not be asked for again where `head` has them, as `RangedFile` takes it.
    """
    import h5py

    if location.is_local:
        with reading(str(location)), h5py.File(location.local, "r", rdcc_nbytes=0) as file:
            yield file
        return
    ranged = RangedFile(location, stat, head)
    with reading(str(location)):
        try:
            with open_by_h5py(ranged) as file:
                yield file
        except Exception:
            if ranged.fault is not None:
                raise ranged.fault from None
            raise
