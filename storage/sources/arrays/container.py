"""What every file or folder of named arrays can do."""

from __future__ import annotations

import difflib
from typing import TYPE_CHECKING, Any, NoReturn, Protocol

from storage.errors import Invalid

from .copies import file_digest

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

    from numpy.typing import NDArray

    from storage.remote import Location

    from .stack import Stack

ITSELF = "."
"""The name of a source that is one file, among the names of files in a source."""
_SHOWN = 20


class Container(Protocol):
    """A place that holds named arrays."""

    location: Location

    def names(self) -> list[str]:
        """Return the names of all arrays, sorted."""

    def array(self, key: str) -> Stack:
        """Return one array; raise `Invalid` where there is none, naming the nearest."""

    def words(self, key: str) -> NDArray[Any]:
        """Return one array whole, text as str or bytes or cells of them."""

    def digests(self, keys: Iterable[str]) -> dict[str, str]:
        """Return the sha256 of each file that holds one of the arrays, by name relative to the location."""


class OneFile:
    """What all formats of one file share.

    Parameters
    ----------
    location : Location
        Where the user says that the file is.
    path : Path
        A local file with the same bytes.
    """

    def __init__(self, location: Location, path: Path) -> None:
        self.location = location
        self.path = path

    def digests(self, keys: Iterable[str]) -> dict[str, str]:  # noqa: ARG002  (one file holds them all)
        """Return the sha256 of the file."""
        return {ITSELF: file_digest(self.location)}


def files_of(location: Location, digests: Iterable[str]) -> list[str]:
    """Return the names of files as stamps have them: a source that is one file has its own."""
    return [location.name if name == ITSELF else name for name in digests]


def unknown_key(container: Container, key: str) -> NoReturn:
    """Raise `Invalid`: the container has no such array, but it has these."""
    names = container.names()
    nearest = difflib.get_close_matches(key, names, n=1, cutoff=0.5)
    more = f" and {len(names) - _SHOWN} more" if len(names) > _SHOWN else ""
    held = ", ".join(names[:_SHOWN]) + more if names else "none"
    hint = f"did you mean {nearest[0]!r}? " if nearest else ""
    raise Invalid(f"{container.location} holds no array {key!r}; {hint}its arrays: {held}")
