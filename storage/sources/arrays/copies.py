"""Remote files as local ones: each is fetched once a process; and what a file's bytes hash to."""

from __future__ import annotations

import atexit
import hashlib
import os
import shutil
import tempfile
import threading
from functools import cache, lru_cache
from pathlib import Path
from typing import TYPE_CHECKING

from storage.errors import Changed, NotWritten
from storage.ranges import PIECE

if TYPE_CHECKING:
    from collections.abc import Iterator

    from storage.remote import Location

_LOCK = threading.Lock()


def local_copy(location: Location) -> Path:
    """Return a local path with the bytes of a file; a remote one is fetched once a process.

    Raises
    ------
    Missing, Denied, Unreachable
        As the store says.
    Changed
        If the remote file was written while it was fetched.
    NotWritten
        If the temporary folder cannot take it.
    """
    if location.is_local:
        location.stat()
        return location.local
    with _LOCK:  # two threads that want one file must not fetch it twice
        return _fetched(location, location.stat().etag, os.getpid())


def file_digest(location: Location) -> str:
    """Return the sha256 of a file in hexadecimal, computed once a process and version of the file."""
    return _file_digest(location, location.stat().etag)


@lru_cache(maxsize=4096)
def _file_digest(location: Location, _etag: str) -> str:
    digest = hashlib.sha256()
    for piece in pieces(local_copy(location)):
        digest.update(piece)
    return digest.hexdigest()


def folder_digest(folder: Location, names: list[str]) -> str:
    """Return one sha256 over the names and bytes of all files below the named folders of a folder."""
    found = ((f"{name}/{below}", stat) for name in names for below, stat in (folder / name).files())
    return _folder_digest(folder, tuple(sorted((name, stat.size, stat.etag) for name, stat in found)))


@lru_cache(maxsize=256)
def _folder_digest(folder: Location, files: tuple[tuple[str, int, str], ...]) -> str:
    digest = hashlib.sha256()
    for name, size, _ in files:
        # Name and size first, so that no two sets of files run together to the same bytes.
        digest.update(f"{name}\0{size}\0".encode())
        for piece in (folder / name).pieces():
            digest.update(piece)
    return digest.hexdigest()


def pieces(path: Path) -> Iterator[bytes]:
    """Yield a local file's bytes, 8 MiB at a time."""
    with path.open("rb") as file:
        while piece := file.read(PIECE):
            yield piece


@cache
def _fetched(location: Location, etag: str, process: int) -> Path:
    folder = Path(tempfile.mkdtemp(dir=_scratch(process)))
    try:
        location.fetch(folder / location.name)
    except OSError as fault:
        if fault.errno is None:  # one of ours, from the store; those of the disk have a number
            raise
        raise NotWritten(
            f"{location} does not fit {folder.parent} ({fault.strerror}): make room or set TMPDIR"
        ) from None
    if location.stat().etag != etag:
        raise Changed(f"{location} was written while it was read; run again when it is complete")
    return folder / location.name


@lru_cache(maxsize=1)
def _scratch(process: int) -> Path:
    folder = Path(tempfile.mkdtemp(prefix="vox2pix-"))
    atexit.register(_remove, folder, process)
    return folder


def _remove(folder: Path, process: int) -> None:
    # A forked child inherits the registration, but not the right to its parent's files.
    if os.getpid() == process:
        shutil.rmtree(folder, ignore_errors=True)
