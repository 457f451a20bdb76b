"""What a refused write means: one sentence and one exit code, whoever wrote."""

from __future__ import annotations

import errno
from contextlib import contextmanager
from typing import TYPE_CHECKING

from .errors import Denied, Missing, NotWritten, StorageError

if TYPE_CHECKING:
    from collections.abc import Iterator

_DENIED = {errno.EACCES, errno.EPERM, errno.EROFS}
_NO_PATH = {errno.ENOENT, errno.ENOTDIR, errno.ENAMETOOLONG, errno.ELOOP}
_FULL = {errno.ENOSPC, errno.EDQUOT, errno.EFBIG}


@contextmanager
def writing(what: str, verb: str = "written") -> Iterator[None]:
    """Turn what the file system answers to a write into an error that names the file.

    Raises
    ------
    Denied
        If this user may not write there, or nobody may.
    Missing
        If the path cannot be: a name too long, a file where a folder should be.
    NotWritten
        If the disk is full, or fails.
    """
    try:
        yield
    except OSError as error:
        if hasattr(error, "exit_code"):
            raise
        raise _refusal(f"{what} could not be {verb}", error) from None
    except ValueError as error:  # a NUL, or half a surrogate pair, in a name
        if "\0" not in what and not isinstance(error, UnicodeEncodeError):
            raise
        raise Missing(f"{what!r} could not be {verb}: no file can have this name") from None


@contextmanager
def writing_block(what: str) -> Iterator[None]:
    """Turn a failed write of a product into an error that names the product and the block.

    A file that is gone between its writing and its renaming stays the plain error it is: a seal made
    beside us swept the draft away, and whoever wrote tries again.
    """
    try:
        yield
    except OSError as error:
        if isinstance(error, StorageError):
            raise type(error)(f"{what}: {error}") from None
        if error.errno is None or isinstance(error, FileNotFoundError):
            raise
        raise _refusal(f"{what} could not be written", error) from None


def _refusal(said: str, error: OSError) -> StorageError:
    reason = error.strerror or str(error)
    refused: Denied | Missing | NotWritten
    if error.errno in _DENIED:
        refused = Denied(f"{said}: {reason}; mend the permissions, or name another place")
    elif error.errno in _NO_PATH:
        refused = Missing(f"{said}: {reason}; check the path")
    elif error.errno in _FULL:
        cure = "free some space, then run the same command again (finished blocks are kept)"
        refused = NotWritten(f"{said}: {reason}; {cure}")
    else:
        refused = NotWritten(f"{said}: {reason}; check the disk, or name another place")
    refused.strerror = reason
    return refused
