"""What S3 answers about a bucket: its objects by prefix, page by page."""

from __future__ import annotations

import base64
import binascii
import os
import re
from dataclasses import dataclass
from datetime import UTC, datetime
from http import HTTPStatus
from typing import TYPE_CHECKING
from urllib.parse import quote
from xml.sax.saxutils import escape

from .http_wire import Reply
from .s3_objects import XML, Refusal, etag_of

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping
    from pathlib import Path

#: Entries a page at most, as with S3.
MOST = 1000

#: Above every key that begins like the text before it.
LAST = "\U0010ffff"


@dataclass(frozen=True)
class Query:
    """What is asked of a listing."""

    prefix: str
    delimiter: str
    after: str
    """Only keys above this one."""
    most: int

    @classmethod
    def of(cls, query: Mapping[str, str]) -> Query:
        """Read the query of a URL.

        Raises
        ------
        Refusal
            If a number or a token is none.
        """
        most = query.get("max-keys") or str(MOST)
        if not (most.isascii() and most.isdigit() and len(most) < 10):
            raise _invalid("max-keys must be a whole number, 0 or more")
        after = max(query.get("start-after", ""), _from_token(query.get("continuation-token")))
        return cls(query.get("prefix", ""), query.get("delimiter", ""), after, min(int(most), MOST))


@dataclass(frozen=True)
class Page:
    """A page of a listing."""

    objects: tuple[tuple[str, os.stat_result], ...]
    prefixes: tuple[str, ...]
    next_after: str | None
    """Where the next page begins, if there is one."""


def bucket_reply(bucket: str, root: Path, query: Mapping[str, str]) -> Reply:
    """Return a page of the objects in a bucket, as ListObjectsV2 does.

    Raises
    ------
    Refusal
        If something else is asked of the bucket.
    """
    if query.get("list-type") != "2":
        raise Refusal(
            HTTPStatus.NOT_IMPLEMENTED, "NotImplemented", "A bucket only answers to list-type=2 and to HEAD."
        )
    asked = Query.of(query)
    return Reply(HTTPStatus.OK, XML, _xml(bucket, query, asked, page(root, asked)).encode())


def page(root: Path, asked: Query) -> Page:
    """Return the objects, and what the delimiter gathers, in the order of their names."""
    objects: list[tuple[str, os.stat_result]] = []
    prefixes: list[str] = []
    after = asked.after
    for key, entry in keys(root, asked) if asked.most else ():
        cut = key.find(asked.delimiter, len(asked.prefix)) if asked.delimiter else -1
        gathered = key[: cut + len(asked.delimiter)] if cut >= 0 else ""
        if gathered and prefixes[-1:] == [gathered]:
            continue
        if len(objects) + len(prefixes) == asked.most:
            return Page(tuple(objects), tuple(prefixes), after)
        if gathered:
            prefixes.append(gathered)
        else:
            objects.append((key, entry.stat(follow_symlinks=False)))
        after = gathered + LAST if gathered else key
    return Page(tuple(objects), tuple(prefixes), None)


def keys(root: Path, asked: Query, folder: str = "") -> Iterator[tuple[str, os.DirEntry[str]]]:
    """Yield key and file of the objects asked for, sorted; symbolic links are passed over."""
    for name, entry in _sorted_entries(root / folder):
        key = folder + name
        if name.endswith("/"):
            wanted = key.startswith(asked.prefix) or asked.prefix.startswith(key)
            if wanted and (key + LAST > asked.after):
                yield from keys(root, asked, key)
        elif key.startswith(asked.prefix) and key > asked.after:
            yield key, entry


def _sorted_entries(folder: Path) -> list[tuple[str, os.DirEntry[str]]]:
    """Return files and folders by name, folders with the slash that their objects' keys have there."""
    found = []
    with os.scandir(folder) as entries:
        for entry in entries:
            if not _is_text(entry.name):
                continue
            if entry.is_dir(follow_symlinks=False):
                found.append((f"{entry.name}/", entry))
            elif entry.is_file(follow_symlinks=False):
                found.append((entry.name, entry))
    return sorted(found, key=lambda pair: pair[0])


def _is_text(name: str) -> bool:
    """Tell whether a file's name can stand in a listing, which is UTF-8 and XML."""
    return not re.search(r"[\x00-\x1f\ud800-\udfff\ufffe\uffff]", name)


def _xml(bucket: str, query: Mapping[str, str], asked: Query, found: Page) -> str:
    by_url = query.get("encoding-type") == "url"
    encoded: Callable[[str], str] = quote if by_url else str
    told = {name: query.get(option, "") for option, name in _ECHOED.items()}
    fields = {
        "Name": bucket,
        **{name: value if name == "ContinuationToken" else encoded(value) for name, value in told.items()},
        "EncodingType": "url" if by_url else "",
        "MaxKeys": str(asked.most),
        "KeyCount": str(len(found.objects) + len(found.prefixes)),
        "IsTruncated": "true" if found.next_after is not None else "false",
        "NextContinuationToken": "" if found.next_after is None else _token(found.next_after),
    }
    parts = [_tag(name, value) for name, value in fields.items() if value or name == "Prefix"]
    parts += [_object(key, encoded(key), known) for key, known in found.objects]
    parts += [f"<CommonPrefixes>{_tag('Prefix', encoded(each))}</CommonPrefixes>" for each in found.prefixes]
    inside = "".join(parts)
    space = "http://s3.amazonaws.com/doc/2006-03-01/"
    return (
        f'<?xml version="1.0" encoding="UTF-8"?>\n<ListBucketResult xmlns="{space}">{inside}'
        "</ListBucketResult>"
    )


_ECHOED = {
    "prefix": "Prefix",
    "delimiter": "Delimiter",
    "start-after": "StartAfter",
    "continuation-token": "ContinuationToken",
}


def _object(key: str, shown: str, found: os.stat_result) -> str:
    time = datetime.fromtimestamp(int(found.st_mtime), UTC).strftime("%Y-%m-%dT%H:%M:%S.000Z")
    fields = {
        "Key": shown,
        "LastModified": time,
        "ETag": etag_of(key, found),
        "Size": str(found.st_size),
        "StorageClass": "STANDARD",
    }
    return f"<Contents>{''.join(_tag(name, value) for name, value in fields.items())}</Contents>"


def _tag(name: str, value: str) -> str:
    return f"<{name}>{escape(value, {chr(34): '&quot;'})}</{name}>"


def _token(after: str) -> str:
    return base64.urlsafe_b64encode(after.encode()).decode()


def _from_token(token: str | None) -> str:
    try:
        return base64.b64decode(token or "", b"-_", validate=True).decode()
    except (binascii.Error, ValueError):
        raise _invalid("The continuation token provided is incorrect") from None


def _invalid(message: str) -> Refusal:
    return Refusal(HTTPStatus.BAD_REQUEST, "InvalidArgument", message)
