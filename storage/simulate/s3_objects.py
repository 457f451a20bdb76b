"""What S3 answers about one object: its bytes, a range of them, or why not."""

from __future__ import annotations

import hashlib
import os
import re
import stat
from email.utils import formatdate, parsedate_to_datetime
from http import HTTPStatus
from typing import TYPE_CHECKING
from xml.sax.saxutils import escape

from .http_wire import Extent, Reply

if TYPE_CHECKING:
    from pathlib import Path

    from .http_wire import Request

XML = {"Content-Type": "application/xml"}

#: Queries that ask for something other than the object's bytes; none is served.
SUBRESOURCES = frozenset(
    {"acl", "attributes", "legal-hold", "partNumber", "retention", "tagging", "torrent", "uploads"}
)


class Refusal(Exception):
    """A request that is answered by one of S3's errors."""

    def __init__(self, status: int, code: str, message: str, **headers: str) -> None:
        super().__init__(message)
        self.status = status
        self.code = code
        self.headers = {name.replace("_", "-"): value for name, value in headers.items()}

    def reply(self) -> Reply:
        """Return the error as S3 writes it."""
        text = (
            '<?xml version="1.0" encoding="UTF-8"?>\n'
            f"<Error><Code>{self.code}</Code><Message>{escape(str(self))}</Message></Error>"
        )
        return Reply(self.status, {**XML, **self.headers}, text.encode())


def object_reply(root: Path, key: str, request: Request) -> Reply:
    """Return the bytes of an object, or those of a range of it.

    Raises
    ------
    Refusal
        If there is no such object, a condition on it does not hold, or the range lies outside of it.
    """
    unknown = sorted(SUBRESOURCES & set(request.query))
    if unknown:
        raise Refusal(HTTPStatus.NOT_IMPLEMENTED, "NotImplemented", f"?{unknown[0]} is not served here.")
    path, found = find(root, key)
    etag = etag_of(key, found)
    headers = {
        "ETag": etag,
        "Last-Modified": formatdate(int(found.st_mtime), usegmt=True),
        "Accept-Ranges": "bytes",
    }
    if not modified(request, etag, int(found.st_mtime)):
        return Reply(HTTPStatus.NOT_MODIFIED, headers)
    headers["Content-Type"] = "binary/octet-stream"
    asked = request.headers.get("range", "")
    if request.headers.get("if-range", etag) != etag:
        asked = ""
    span = byte_range(asked, found.st_size)
    if span is None:
        return Reply(HTTPStatus.OK, headers, Extent(path, 0, found.st_size, found.st_mtime_ns))
    headers["Content-Range"] = f"bytes {span[0]}-{span[1] - 1}/{found.st_size}"
    return Reply(HTTPStatus.PARTIAL_CONTENT, headers, Extent(path, *span, found.st_mtime_ns))


def find(root: Path, key: str) -> tuple[Path, os.stat_result]:
    """Return path and stat of the file that a key names; no symbolic link is followed, nor ``..``.

    Raises
    ------
    Refusal
        If it names none, or one that may not be read.
    """
    path = root / key
    lost = Refusal(HTTPStatus.NOT_FOUND, "NoSuchKey", "The specified key does not exist.")
    if set(key.split("/")) & {"", ".", ".."}:
        raise lost
    try:
        if os.path.realpath(path) != str(path):
            raise lost
        found = path.stat()
    except (OSError, ValueError):  # not there; a name that is too long, or holds a zero byte
        raise lost from None
    if not stat.S_ISREG(found.st_mode):
        raise lost
    if not os.access(path, os.R_OK):
        raise Refusal(HTTPStatus.FORBIDDEN, "AccessDenied", "The file may not be read.")
    return path, found


def etag_of(key: str, found: os.stat_result) -> str:
    """Return an etag that changes when the file does.

    It ends as those of uploads in parts do, which no client takes for the MD5 of the bytes.
    """
    said = f"{key}\0{found.st_size}\0{found.st_mtime_ns}".encode()
    return f'"{hashlib.md5(said, usedforsecurity=False).hexdigest()}-1"'


def modified(request: Request, etag: str, seconds: int) -> bool:
    """Tell whether the object is to be sent: False where the client has it already.

    Raises
    ------
    Refusal
        If it is not the object the client expects.
    """
    asked = request.headers
    if "if-match" in asked:
        expected = _names(asked["if-match"], etag)
    else:
        since = _time(asked.get("if-unmodified-since"))
        expected = since is None or seconds <= since
    if not expected:
        raise Refusal(
            HTTPStatus.PRECONDITION_FAILED,
            "PreconditionFailed",
            "At least one of the pre-conditions you specified did not hold",
        )
    if "if-none-match" in asked:
        return not _names(asked["if-none-match"], etag)
    since = _time(asked.get("if-modified-since"))
    return since is None or seconds > since


def _names(etags: str, etag: str) -> bool:
    named = [each.strip().removeprefix("W/").strip('"') for each in etags.split(",")]
    return "*" in named or etag.strip('"') in named


def _time(text: str | None) -> float | None:
    try:
        return None if text is None else parsedate_to_datetime(text).timestamp()
    except ValueError:
        return None


def byte_range(asked: str, size: int) -> tuple[int, int] | None:
    """Return start and stop of the bytes that a Range header asks for; None for all.

    As with S3, several ranges and what is no range are passed over.

    Raises
    ------
    Refusal
        If no such byte exists.

    >>> byte_range("bytes=-3", 10), byte_range("bytes=8-99", 10), byte_range("lines=1-2", 10)
    ((7, 10), (8, 10), None)
    """
    found = re.fullmatch(r"bytes=([0-9]{1,18})?-([0-9]{1,18})?", asked.replace(" ", ""))
    first, last = (each and int(each) for each in found.groups()) if found else (None, None)
    if first is None and last is None:
        return None
    if first is None:
        start, stop = max(0, size - int(last or 0)), size
    else:
        start, stop = int(first), size if last is None else min(int(last) + 1, size)
        if last is not None and int(last) < start:
            return None
    if start >= size:
        raise Refusal(
            HTTPStatus.REQUESTED_RANGE_NOT_SATISFIABLE,
            "InvalidRange",
            "The requested range is not satisfiable",
            Content_Range=f"bytes */{size}",
        )
    return start, stop
