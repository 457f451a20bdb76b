"""Files handed out to other programs: written whole or not at all, and never over somebody else's."""

from __future__ import annotations

import filecmp
import uuid
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, BinaryIO

from .errors import Exists, NotWritten

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence
    from pathlib import Path


@dataclass(frozen=True)
class File:
    """A file to be written: its name in the folder, and what writes its bytes (it may seek and read back)."""

    name: str
    write: Callable[[BinaryIO], None]


def hand_out(files: Sequence[File], folder: Path) -> list[Path]:
    """Write files into a folder, made where it is not there; those there with the same bytes are left alone.

    Raises
    ------
    Exists
        If a file of that name holds something else; nothing is written then.
    NotWritten
        If the folder cannot be written.
    """
    with _said(folder):
        folder.mkdir(parents=True, exist_ok=True)
        for file in files:
            _refuse_other(folder, file)
        for file in files:
            if not (folder / file.name).exists():
                with _draft(folder, file) as draft:
                    draft.replace(folder / file.name)
    return [folder / file.name for file in files]


def _refuse_other(folder: Path, file: File) -> None:
    path = folder / file.name
    if not path.exists():
        return
    with _draft(folder, file) as draft:
        same = path.is_file() and filecmp.cmp(draft, path, shallow=False)
    if not same:
        raise Exists(f"{path} is there and holds something else; name another folder, or remove it")


@contextmanager
def _draft(folder: Path, file: File) -> Iterator[Path]:
    """Write a file under a name of its own, and remove it if it is still there at the end."""
    path = folder / f".{uuid.uuid4().hex}.partial"
    try:
        with path.open("x+b") as opened:
            file.write(opened)
        yield path
    finally:
        path.unlink(missing_ok=True)


@contextmanager
def _said(folder: Path) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        if hasattr(error, "exit_code"):
            raise
        raise NotWritten(
            f"{folder} could not be written: {error.strerror or error}; name another folder"
        ) from None
