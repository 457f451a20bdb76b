"""The one door to files and object stores: a `Location` is a place that can be read, listed and written.

A location is a local path or an ``s3://bucket/key`` URL with the options users know from s3fs
(`endpoint_url`, `profile`, `anon`); it is small, hashable and picklable, so tasks carry it to workers.
Credentials are looked up by whoever opens the store, never stored in the location.
"""

from __future__ import annotations

import os
import threading
import uuid
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

from .errors import Denied, Invalid, Missing

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

#: Bytes asked for in one request; larger ones outlast obstore's 30 s timeout on slow lines.
PIECE = 8 * 2**20

OPTIONS = ("anon", "endpoint_url", "profile")


class Traffic(threading.local):
    """What this thread has read from object stores; a block's share is the difference before and after."""

    bytes: int = 0
    requests: int = 0

    def count(self, size: int) -> None:
        """Add one request of `size` bytes."""
        self.bytes += size
        self.requests += 1


traffic = Traffic()


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


@dataclass(frozen=True)
class Location:
    """A file or folder, local or on an object store.

    Parameters
    ----------
    url
        An absolute local path, or ``s3://bucket/key``.
    options
        `endpoint_url`, `profile` and `anon`, as sorted pairs; empty for local paths.
    """

    url: str
    options: tuple[tuple[str, str | bool], ...] = ()

    @classmethod
    def of(
        cls,
        place: str | os.PathLike[str] | Location,
        options: Mapping[str, str | bool] | None = None,
        base: Path | None = None,
    ) -> Location:
        """Return the location of a path or URL; relative paths are taken from `base` or from here.

        Raises
        ------
        Invalid
            If the URL's scheme is not known, or an option is not.
        """
        if isinstance(place, Location):
            return place
        text = os.fspath(place)
        scheme, separator, rest = text.partition("://")
        if not separator or scheme == "file":
            path = Path(rest if separator else text).expanduser()
            return cls(os.path.abspath((base or Path.cwd()) / path))  # noqa: PTH100  (keeps symlinks)
        if scheme != "s3" or not rest.strip("/"):
            raise Invalid(f"{text!r} is no place vox2pix can reach: give a path or s3://BUCKET/KEY")
        unknown = sorted(set(options or ()) - set(OPTIONS))
        if unknown:
            raise Invalid(f"storage option {unknown[0]!r} is not known; known are {', '.join(OPTIONS)}")
        return cls(f"s3://{rest.strip('/')}", tuple(sorted((options or {}).items())))

    def __truediv__(self, name: str) -> Location:
        return Location(f"{self.url}/{name}", self.options)

    def __str__(self) -> str:
        return self.url

    @property
    def is_local(self) -> bool:
        """Whether this is a path of this machine's file system."""
        return not self.url.startswith("s3://")

    @property
    def local(self) -> Path:
        """The path, where the location is local."""
        if not self.is_local:
            raise Invalid(f"{self} is not a local path")
        return Path(self.url)

    @property
    def name(self) -> str:
        """The last component."""
        return self.url.rsplit("/", 1)[-1]

    @property
    def suffix(self) -> str:
        """The ending of the name with its dot, in lower case."""
        return Path(self.name).suffix.lower()

    @property
    def parent(self) -> Location:
        """The folder this lies in."""
        return Location(self.url.rsplit("/", 1)[0] or "/", self.options)

    def _backend(self) -> tuple[Backend, str]:
        return _backend(self.url, self.options)

    def exists(self) -> bool:
        """Tell whether a file lies here."""
        try:
            self.stat()
        except Missing:
            return False
        return True

    def is_folder(self) -> bool:
        """Tell whether a folder with something in it lies here."""
        return any(True for _ in self.files(recursive=False)) or bool(self.folders())

    def stat(self) -> Stat:
        """Return size, etag and time of the file here."""
        backend, name = self._backend()
        return backend.stat(name)

    def read(self, start: int = 0, length: int | None = None) -> bytes:
        """Return the file's bytes, or `length` of them from `start`; a negative start counts from the end."""
        backend, name = self._backend()
        return backend.read(name, start, length)

    def write(self, content: bytes) -> None:
        """Put `content` here in one step: a reader sees all of it or what was there before."""
        backend, name = self._backend()
        backend.write(name, content)

    def delete(self) -> None:
        """Remove the file here; nothing happens where there is none."""
        backend, name = self._backend()
        backend.delete(name)

    def delete_tree(self) -> None:
        """Remove every file below here."""
        for name, _ in list(self.files()):
            (self / name).delete()
        if self.is_local:
            _remove_empty(self.local)

    def folders(self) -> list[str]:
        """Return the names of the folders in this folder, sorted."""
        backend, name = self._backend()
        return sorted(backend.folders(name))

    def files(self, *, recursive: bool = True) -> Iterator[tuple[str, Stat]]:
        """Yield name (from here) and stat of the files in this folder; none where it does not exist."""
        backend, name = self._backend()
        return backend.files(name, recursive=recursive)

    def pieces(self) -> Iterator[bytes]:
        """Yield the file's bytes in pieces of 8 MiB."""
        size = self.stat().size
        for start in range(0, size, PIECE):
            yield self.read(start, min(PIECE, size - start))

    def fetch(self, target: Path) -> None:
        """Copy the file here to a local path."""
        with target.open("wb") as file:
            for piece in self.pieces():
                file.write(piece)

    def zarr(self) -> Any:
        """Return the Zarr store of the folder here."""
        backend, name = self._backend()
        return backend.zarr(name)


def _backend(url: str, options: tuple[tuple[str, str | bool], ...]) -> tuple[Backend, str]:
    if not url.startswith("s3://"):
        return LocalFiles(), url
    from .s3 import bucket

    name, _, key = url.removeprefix("s3://").partition("/")
    return bucket(name, options, os.getpid()), key


class LocalFiles:
    """The file system of this machine; names are absolute paths."""

    def stat(self, name: str) -> Stat:
        """Return size, etag and time of a file."""
        with _said(name):
            found = os.stat(name)  # noqa: PTH116
        if os.path.isdir(name):  # noqa: PTH112
            raise Missing(f"{name} is a folder; a file was expected")
        return _stat(found)

    def read(self, name: str, start: int, length: int | None) -> bytes:
        """Return bytes of a file."""
        with _said(name), open(name, "rb") as file:  # noqa: PTH123
            file.seek(start, os.SEEK_END if start < 0 else os.SEEK_SET)
            return file.read(-1 if length is None else length)

    def write(self, name: str, content: bytes) -> None:
        """Write to a new name beside the file, then rename: a kill leaves the old file whole."""
        path = Path(name)
        draft = path.with_name(f".{path.name}.{uuid.uuid4().hex}.partial")
        path.parent.mkdir(parents=True, exist_ok=True)
        try:
            draft.write_bytes(content)
            draft.replace(path)
        finally:
            draft.unlink(missing_ok=True)

    def delete(self, name: str) -> None:
        """Remove a file."""
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


def remove_drafts(folder: Location) -> int:
    """Remove what killed writers left below a local folder, and say how many files that was.

    A live writer that loses its draft sees its rename fail, and its block is tried again.
    """
    if not folder.is_local:
        return 0
    drafts = list(folder.local.rglob("*.partial"))
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
        if isinstance(error, (FileNotFoundError, NotADirectoryError)) and not isinstance(error, Missing):
            raise Missing(f"{self.name} does not exist; check the path") from None
        if isinstance(error, PermissionError) and not isinstance(error, Denied):
            raise Denied(f"{self.name} may not be read by this user; check its permissions") from None


def _remove_empty(folder: Path) -> None:
    for below in sorted(folder.rglob("*"), reverse=True):
        if below.is_dir() and not any(below.iterdir()):
            below.rmdir()
    if folder.is_dir() and not any(folder.iterdir()):
        folder.rmdir()
