"""The file system of this machine, behind the door."""

from __future__ import annotations

import errno
import os
import uuid
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any

from .errors import Changed, Denied, Missing, StorageError, Unreachable
from .transfer import Stat
from .writing import writing

if TYPE_CHECKING:
    import threading
    from collections.abc import Iterator

_NO_NAME = {errno.ENAMETOOLONG, errno.ELOOP, errno.EISDIR}


class LocalFiles:
    """The file system of this machine; names are absolute paths."""

    def stat(self, name: str) -> Stat:
        """Return size, etag and time of a file."""
        with _said(name):
            found = os.stat(name)  # noqa: PTH116
        if os.path.isdir(name):  # noqa: PTH112
            raise Missing(f"{name} is a folder; a file was expected")
        return _stat(found)

    def read(
        self,
        name: str,
        start: int,
        length: int | None,
        etag: str | None = None,
        given_up: threading.Event | None = None,  # noqa: ARG002  (for stores that fail now and then)
    ) -> bytes:
        """Return bytes of a file."""
        with _said(name), open(name, "rb", buffering=0) as file:  # noqa: PTH123
            number, size = file.fileno(), os.fstat(file.fileno()).st_size
            first = start if start >= 0 else max(size + start, 0)
            content = _pread(number, first, max(size - first, 0) if length is None else length)
            if etag is not None and _stat(os.fstat(number)).etag != etag:
                raise Changed(
                    f"{name} was written while it was read; nothing of it was kept: run again when it rests"
                )
        return content

    def write(self, name: str, content: bytes) -> None:
        """Write to a new name beside the file, then rename: a kill leaves the old file whole."""
        path = Path(name)
        with writing(name):
            path.parent.mkdir(parents=True, exist_ok=True)
            with suppress(FileNotFoundError):  # a seal made beside us swept the draft away
                _put(path, content)
                return
            _put(path, content)

    def delete(self, name: str) -> None:
        """Remove a file."""
        with writing(name, "removed"):
            Path(name).unlink(missing_ok=True)

    def folders(self, name: str) -> list[str]:
        """Return the names of the folders in a folder."""
        with _said(name):
            return [entry.name for entry in _entries(name) if entry.is_dir()]

    def files(self, name: str, *, recursive: bool) -> Iterator[tuple[str, Stat]]:
        """Yield the files in a folder; drafts of interrupted writes are passed over."""
        with _said(name):
            for entry in sorted(_entries(name), key=lambda entry: entry.name):
                if entry.is_dir():
                    if recursive:
                        inner = self.files(entry.path, recursive=True)
                        yield from ((f"{entry.name}/{below}", stat) for below, stat in inner)
                elif not entry.name.endswith(".partial"):
                    try:
                        yield entry.name, _stat(entry.stat())
                    except FileNotFoundError:  # gone since the folder was listed
                        continue

    def zarr(self, name: str) -> Any:
        """Return a Zarr store in a folder; it writes by rename as well."""
        import zarr

        return zarr.storage.LocalStore(name)


def _pread(number: int, start: int, length: int) -> bytes:
    content = os.pread(number, length, start)
    while content and len(content) < length:  # one call gives 2 GiB at most, and some file systems less
        more = os.pread(number, length - len(content), start + len(content))
        if not more:
            break
        content += more
    return content


def _put(path: Path, content: bytes) -> None:
    draft = path.with_name(f".{uuid.uuid4().hex}.partial")
    try:
        draft.write_bytes(content)
        draft.replace(path)
    finally:
        draft.unlink(missing_ok=True)


def remove_drafts(folder: Path) -> int:
    """Remove what killed writers left below a folder, and say how many files that was.

    A live writer that loses its draft sees its rename fail, and its block is tried again.
    """
    drafts = list(folder.rglob("*.partial"))
    for draft in drafts:
        draft.unlink(missing_ok=True)
    return len(drafts)


def _entries(name: str) -> list[os.DirEntry[str]]:
    try:
        with os.scandir(name) as entries:
            return list(entries)
    except FileNotFoundError:
        return []


def _stat(found: os.stat_result) -> Stat:
    return Stat(found.st_size, f"{found.st_size:x}-{found.st_mtime_ns:x}", found.st_mtime)


class _said:  # noqa: N801  (reads as a verb where it is used)
    """Turn the file system's errors into ours."""

    def __init__(self, name: str) -> None:
        self.name = name

    def __enter__(self) -> None:
        return None

    def __exit__(self, kind: object, error: BaseException | None, trace: object) -> None:
        if isinstance(error, StorageError):
            return
        if isinstance(error, (FileNotFoundError, NotADirectoryError)):
            raise Missing(f"{self.name} does not exist; check the path") from None
        if isinstance(error, PermissionError):
            raise Denied(f"{self.name} may not be read by this user; check its permissions") from None
        if isinstance(error, ValueError) or (isinstance(error, OSError) and error.errno in _NO_NAME):
            reason = getattr(error, "strerror", None) or "no file can have this name"
            raise Missing(f"{repr(self.name)[1:-1]} does not exist ({reason}); check the path") from None
        if isinstance(error, OSError):
            raise Unreachable(
                f"{self.name} could not be read: {error.strerror or error}; check the disk"
            ) from None


def remove_empty(folder: Path) -> None:
    """Remove a folder and those in it, as far as no file is left in them."""
    for below in sorted(folder.rglob("*"), reverse=True):
        if below.is_dir() and not any(below.iterdir()):
            below.rmdir()
    if folder.is_dir() and not any(folder.iterdir()):
        folder.rmdir()
