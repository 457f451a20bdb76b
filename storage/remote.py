"""The one door to files and object stores: a `Location` is a place that can be read, listed and written.

A location is a local path or an ``s3://bucket/key`` URL with the options users know from s3fs
(`endpoint_url`, `profile`, `anon`); it is small, hashable and picklable, so tasks carry it to workers.
Credentials are looked up by whoever opens the store, never stored in the location.
"""

from __future__ import annotations

import os
import re
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from .endpoint import check_endpoint
from .errors import BadPlace, Invalid, Missing, NotWritten
from .fetching import HELD, fetched
from .local import LocalFiles, remove_empty
from .ranges import PIECE, requests

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from .transfer import Backend, Stat

OPTIONS = ("anon", "endpoint_url", "profile")

#: A bucket's name and a key.
_KEY = re.compile(r"[A-Za-z0-9._-]+(/[^\x00-\x1f\x7f]*)?")


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

        Options are for object stores; a local path takes none of them.

        Raises
        ------
        BadPlace
            If no place can have this name: an unknown scheme or option, an endpoint that is no URL.
        """
        if isinstance(place, Location):
            return place
        text = os.fspath(place)
        if "\0" in text:
            raise BadPlace(f"{text!r} is no place: no name can hold a NUL; give a path or s3://BUCKET/KEY")
        scheme, separator, rest = text.partition("://")
        if not separator or scheme == "file":
            path = Path(rest if separator else text).expanduser()
            return cls(os.path.abspath((base or Path.cwd()) / path))  # noqa: PTH100  (keeps symlinks)
        key = rest.strip("/")
        if scheme != "s3" or not _KEY.fullmatch(key) or {"", ".", ".."} & set(key.split("/")):
            raise BadPlace(f"{text!r} is no place vox2pix can reach: give a path or s3://BUCKET/KEY")
        given = dict(options or {})
        _check_options(given)
        return cls(f"s3://{key}", tuple(sorted(given.items())))

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
        return self.stat_or_none() is not None

    def stat_or_none(self) -> Stat | None:
        """Return size, etag and time of the file here, or None where there is none."""
        try:
            return self.stat()
        except Missing:
            return None

    def is_folder(self) -> bool:
        """Tell whether a folder with something in it lies here."""
        return any(True for _ in self.files(recursive=False)) or bool(self.folders())

    def stat(self) -> Stat:
        """Return size, etag and time of the file here."""
        backend, name = self._backend()
        return backend.stat(name)

    def read(self, start: int = 0, length: int | None = None, etag: str | None = None) -> bytes:
        """Return the file's bytes, or `length` of them from `start`; a negative start counts from the end.

        Raises
        ------
        Changed
            If an etag is given and the file is another one by now.
        """
        backend, name = self._backend()
        return backend.read(name, start, length, etag)

    def ranges(
        self, spans: Sequence[tuple[int, int]], etag: str | None = None, held: int = HELD
    ) -> Iterator[bytes]:
        """Yield the bytes of each (start, length) in order, many requests at once on an object store.

        What was fetched and is not yet taken stays below `held`, but for a longer span, which is one piece.

        Raises
        ------
        Changed
            If an etag is given and the file is another one by now.
        Invalid
            If the file ends before a range does.
        """
        backend, name = self._backend()
        asked = list(requests(spans))
        if self.is_local:
            found: Iterator[bytes] = (backend.read(name, *each[:2], etag) for each in asked)
        else:
            found = fetched(
                lambda start, length, given_up: backend.read(name, start, length, etag, given_up),
                ((start, length) for start, length, _ in asked),
                held,
            )
        parts: list[bytes] = []
        for part, (start, length, last) in zip(found, asked, strict=True):
            parts.append(_whole(self, part, start, length))
            if last:
                yield parts[0] if len(parts) == 1 else b"".join(parts)
                parts.clear()

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
            remove_empty(self.local)

    def folders(self) -> list[str]:
        """Return the names of the folders in this folder, sorted."""
        backend, name = self._backend()
        return sorted(backend.folders(name))

    def files(self, *, recursive: bool = True) -> Iterator[tuple[str, Stat]]:
        """Yield name (from here) and stat of the files in this folder; none where it does not exist."""
        backend, name = self._backend()
        return backend.files(name, recursive=recursive)

    def pieces(self, start: int = 0, stop: int | None = None, etag: str | None = None) -> Iterator[bytes]:
        """Yield the file's bytes, or those from `start` to `stop`, in pieces of 8 MiB, some read ahead."""
        end = self.stat().size if stop is None else stop
        return self.ranges([(at, min(PIECE, end - at)) for at in range(start, end, PIECE)], etag)

    def fetch(self, target: Path) -> None:
        """Copy the file here to a local path.

        Raises
        ------
        Changed
            If the file was written meanwhile.
        NotWritten
            If the disk cannot take it.
        """
        found = self.stat()
        with target.open("wb") as file:
            for piece in self.pieces(0, found.size, found.etag):
                try:
                    file.write(piece)
                except OSError as fault:
                    raise NotWritten(
                        f"{self} does not fit {target.parent} ({fault.strerror}): make room or set TMPDIR"
                    ) from None

    def zarr(self) -> Any:
        """Return the Zarr store of the folder here."""
        backend, name = self._backend()
        return backend.zarr(name)


def _whole(location: Location, part: bytes, start: int, length: int) -> bytes:
    if len(part) != length:
        found = f"{location} ends {length - len(part)} bytes before the data at byte {start} do"
        raise Invalid(f"{found}; the file is truncated: get it again")
    return part


def _check_options(options: Mapping[str, str | bool]) -> None:
    unknown = sorted(set(options) - set(OPTIONS))
    if unknown:
        raise BadPlace(f"storage option {unknown[0]!r} is not known; known are {', '.join(OPTIONS)}")
    if options.get("endpoint_url"):
        check_endpoint(options["endpoint_url"], "storage option endpoint_url")


def _backend(url: str, options: tuple[tuple[str, str | bool], ...]) -> tuple[Backend, str]:
    if not url.startswith("s3://"):
        return LocalFiles(), url
    from .s3 import bucket

    name, _, key = url.removeprefix("s3://").partition("/")
    return bucket(name, options, os.getpid()), key
