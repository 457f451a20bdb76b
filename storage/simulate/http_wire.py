"""HTTP/1.1 as far as a small S3 server speaks it: reading requests, writing replies."""

from __future__ import annotations

import os
from dataclasses import dataclass, field, replace
from email.utils import formatdate
from http import HTTPStatus
from typing import TYPE_CHECKING
from urllib.parse import parse_qsl, unquote

if TYPE_CHECKING:
    import asyncio
    from collections.abc import Iterator, Mapping
    from pathlib import Path

#: Bytes read and sent at once: what one connection holds in memory.
PIECE = 2**20

#: Bytes of a request's head; more is no request of an S3 client.
HEAD_LIMIT = 2**16


class Malformed(ValueError):
    """What came is no HTTP request."""


@dataclass(frozen=True)
class Request:
    """A request without its body, which no reading request has."""

    method: str
    path: str
    """Decoded, with its leading slash."""
    query: Mapping[str, str]
    headers: Mapping[str, str]
    """By name in lower case."""
    version: str = "HTTP/1.1"

    @property
    def keeps_alive(self) -> bool:
        """Whether another request may follow on the same connection."""
        if self.method not in {"GET", "HEAD"} or self.has_body:
            return False
        wish = self.headers.get("connection", "").lower()
        return "keep-alive" in wish if self.version == "HTTP/1.0" else "close" not in wish

    @property
    def has_body(self) -> bool:
        """Whether bytes follow the head."""
        return "transfer-encoding" in self.headers or self.headers.get("content-length", "0") != "0"


@dataclass(frozen=True)
class Extent:
    """Bytes `start` to `stop` of a file that must still be the one its reply describes."""

    path: Path
    start: int
    stop: int
    modified: int
    """Nanoseconds since the epoch."""

    def __len__(self) -> int:
        return self.stop - self.start

    def pieces(self) -> Iterator[bytes]:
        """Yield the bytes, at most 1 MiB at once.

        Raises
        ------
        ConnectionAbortedError
            If the file was changed: a body that is cut off is noticed by the client, a mixed one is not.
        """
        with self.path.open("rb") as file:
            for at in range(self.start, self.stop, PIECE):
                piece = os.pread(file.fileno(), min(PIECE, self.stop - at), at)
                if len(piece) < min(PIECE, self.stop - at) or self._changed(file.fileno()):
                    raise ConnectionAbortedError(f"{self.path} was changed while it was sent")
                yield piece

    def _changed(self, file: int) -> bool:
        return os.fstat(file).st_mtime_ns != self.modified


@dataclass(frozen=True)
class Reply:
    """What a request is answered by."""

    status: int
    headers: Mapping[str, str] = field(default_factory=dict)
    body: bytes | Extent = b""

    def head(self, *, keep_alive: bool) -> bytes:
        """Return status line and headers."""
        said = {
            "Date": formatdate(usegmt=True),
            "Server": "vox2pix",
            **({} if self.status == HTTPStatus.NOT_MODIFIED else {"Content-Length": str(len(self.body))}),
            **self.headers,
            "Connection": "keep-alive" if keep_alive else "close",
        }
        lines = [f"HTTP/1.1 {self.status} {HTTPStatus(self.status).phrase}"]
        lines += [f"{name}: {value}" for name, value in said.items()]
        return "\r\n".join([*lines, "\r\n"]).encode("latin-1")

    def pieces(self, size: int) -> Iterator[bytes]:
        """Yield the first `size` bytes of the body, at most 1 MiB at once where it is a file's."""
        if isinstance(self.body, Extent):
            yield from replace(self.body, stop=self.body.start + size).pieces()
        elif size:
            yield self.body[:size]


async def read_request(reader: asyncio.StreamReader) -> Request | None:
    """Read the head of the next request; None where the client has left.

    Raises
    ------
    Malformed
        If it is none, or its head is longer than 64 KiB.
    """
    from asyncio import IncompleteReadError, LimitOverrunError

    try:
        head = await reader.readuntil(b"\r\n\r\n")
    except (IncompleteReadError, ConnectionError):
        return None
    except LimitOverrunError:
        raise Malformed(f"the request's head is longer than {HEAD_LIMIT} bytes") from None
    return parse(head)


def parse(head: bytes) -> Request:
    r"""Return the request that a head describes.

    Raises
    ------
    Malformed
        If it describes none.

    >>> parse(b"GET /a%20b/c?list-type=2 HTTP/1.1\r\nRange: bytes=0-1\r\n\r\n").path
    '/a b/c'
    """
    first, *lines = head.decode("latin-1").strip("\r\n").split("\r\n")
    words = first.split(" ")
    if len(words) != 3 or words[2] not in {"HTTP/1.1", "HTTP/1.0"} or not words[1].startswith("/"):
        raise Malformed(f"{first[:80]!r} is no request line")
    path, _, query = words[1].partition("?")
    try:
        asked = dict(parse_qsl(query, keep_blank_values=True, errors="strict"))
        return Request(words[0], unquote(path, errors="strict"), asked, _headers(lines), words[2])
    except UnicodeDecodeError:
        raise Malformed(f"{words[1][:80]!r} is not UTF-8") from None


def _headers(lines: list[str]) -> dict[str, str]:
    found: dict[str, str] = {}
    for line in lines:
        name, colon, value = line.partition(":")
        if not colon or not name or name != name.strip():
            raise Malformed(f"{line[:80]!r} is no header")
        known = found.get(name.lower())
        found[name.lower()] = value.strip() if known is None else f"{known}, {value.strip()}"
    return found
