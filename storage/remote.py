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
from .errors import BadPlace, Invalid, Missing
from .local import LocalFiles, remove_empty

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from .transfer import Backend, Stat

#: Bytes asked for in one request; larger ones outlast obstore's 30 s timeout on slow lines.
PIECE = 8 * 2**20

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
            remove_empty(self.local)

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
