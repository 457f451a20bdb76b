"""One file from a URL: begun again where it was cut off, and in its place only when it is whole."""

from __future__ import annotations

import http
import http.client
import re
import shutil
import urllib.error
import urllib.request
from contextlib import contextmanager
from typing import TYPE_CHECKING

from ..errors import PipelineError
from .weights import PIECE, hashed

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator
    from pathlib import Path

PATIENCE = 30.0
"""Seconds without a byte after which a server counts as gone."""
TRIES = 4
"""How often a body that is cut off is gone on with."""
RANGE = re.compile(r"bytes (\d+)-\d+/(\d+)")


class FetchFailed(PipelineError):
    """Weights could not be got: no network, no such file, or something else than was expected."""

    exit_code = 3
    kind = "fetch-failed"


class _CutOff(Exception):
    """A body ended before its end."""


def download(
    url: str,
    path: Path,
    expected: tuple[int | None, str | None] = (None, None),
    accept: Callable[[Path], None] = lambda _path: None,
    tell: Callable[[str], None] = lambda _text: None,
) -> None:
    """Get a file. What there is of it lies in a folder `partial` beside it until it is whole.

    Parameters
    ----------
    url
        http:// or https://.
    path
        Where it is to lie.
    expected
        Its bytes and its sha256, None where they aren't known.
    accept
        Looks at the whole file, before it gets its name, and raises what is wrong with it.
    tell
        Takes a line about how far it is.

    Raises
    ------
    FetchFailed
        If it can't be had, or isn't what it should be.
    """
    partial = path.parent / "partial" / path.name
    with _folder(partial.parent), _alone(partial):
        _whole(url, partial, tell)
        try:
            _compare(url, partial, *expected)
            accept(partial)
        except PipelineError:
            _forget(partial)
            raise
        partial.replace(path)
        _forget(partial)


@contextmanager
def _folder(path: Path) -> Iterator[None]:
    """Make a folder; take it back, and those above it that were made for it, where nothing stays in it."""
    made = [path, *missing(path.parent)]
    try:
        try:
            path.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise FetchFailed(_unwritable(path, error)) from None
        yield
    finally:
        remove_empty(made)


def missing(folder: Path) -> list[Path]:
    """Return which folders of a path are not there, the deepest first."""
    return [one for one in (folder, *folder.parents) if not one.exists()]


def remove_empty(folders: Iterable[Path]) -> None:
    """Remove folders one after the other, up to the first that holds something."""
    for one in folders:
        try:
            one.rmdir()
        except FileNotFoundError:
            continue
        except OSError:
            return


def _unwritable(path: Path, error: OSError) -> str:
    return f"{path} can't be written ({error.strerror or error}); name another folder by --to"


def _forget(partial: Path) -> None:
    partial.unlink(missing_ok=True)
    _tag(partial).unlink(missing_ok=True)


def _tag(partial: Path) -> Path:
    """Return where it is noted which version of a file was begun."""
    return partial.with_name(f"{partial.name}.etag")


@contextmanager
def _alone(partial: Path) -> Iterator[None]:
    """Keep others from writing to the same file; what was noted of one that was not begun is removed."""
    import fcntl

    lock = partial.with_name(f"{partial.name}.lock")
    with lock.open("w") as held:
        try:
            fcntl.flock(held, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise FetchFailed(
                f"{partial.name} is being fetched by another process; wait for its end"
            ) from None
        except OSError:  # a file system without locks
            pass
        try:
            yield
        finally:
            if not partial.exists() or not partial.stat().st_size:
                _forget(partial)
                lock.unlink(missing_ok=True)


def _whole(url: str, partial: Path, tell: Callable[[str], None]) -> None:
    """Get all of a file, going on where it is cut off."""
    had = -1
    for attempt in range(TRIES):
        try:
            _more(url, partial, tell)
            return
        except (_CutOff, http.client.HTTPException, TimeoutError, ConnectionError) as error:
            reason = str(error) or type(error).__name__
        except urllib.error.HTTPError as error:
            error.close()
            reason = f"it answers {error.code} {error.reason}"
            if error.code == http.HTTPStatus.REQUESTED_RANGE_NOT_SATISFIABLE:
                _forget(partial)  # it has become shorter
            elif error.code < http.HTTPStatus.INTERNAL_SERVER_ERROR:
                raise FetchFailed(f"{url} can't be fetched: {reason}; see whether it has moved") from None
        except urllib.error.URLError as error:
            reason = str(error.reason)
        except OSError as error:
            raise FetchFailed(_unwritable(partial, error)) from None
        have = partial.stat().st_size if partial.exists() else 0
        if attempt and have == had:  # nothing came any more
            break
        had = have
    kept = f"; {had} bytes are kept, the same command goes on from there" if had > 0 else ""
    raise FetchFailed(
        f"{url} can't be fetched ({reason}){kept or '; see whether this machine has a network'}"
    )


def _more(url: str, partial: Path, tell: Callable[[str], None]) -> None:
    """Get what is still missing of a file.

    Raises
    ------
    _CutOff
        If less comes than was promised.
    """
    have = partial.stat().st_size if partial.exists() else 0
    tag = _tag(partial).read_text("utf-8") if have and _tag(partial).exists() else ""
    asked = {"Range": f"bytes={have}-", "If-Range": tag} if have and tag else {}
    with urllib.request.urlopen(_request(url, asked), timeout=PATIENCE) as answer:  # noqa: S310  (checked there)
        found = RANGE.fullmatch(answer.headers.get("Content-Range") or "")
        goes_on = answer.status == http.HTTPStatus.PARTIAL_CONTENT and found and int(found[1]) == have
        if answer.headers.get_content_type() == "text/html":
            raise FetchFailed(f"{url} answers with a web page, not a file; see whether it asks for a log-in")
        length = answer.headers.get("Content-Length")
        total = int(found[2]) if goes_on and found else int(length) if length else None
        _tag(partial).write_text(answer.headers.get("ETag") or "", "utf-8")
        _room(partial, (total or 0) - (have if goes_on else 0))
        with partial.open("ab" if goes_on else "wb") as file:
            while piece := answer.read(PIECE):
                file.write(piece)
                if total:
                    tell(f"{partial.name}: {file.tell() / 1e6:.0f} of {total / 1e6:.0f} MB")
    if total is not None and partial.stat().st_size < total:
        raise _CutOff(f"cut off after {partial.stat().st_size} of {total} bytes")


def _request(url: str, headers: dict[str, str]) -> urllib.request.Request:
    if not url.startswith(("https://", "http://")):
        raise FetchFailed(f"{url} is no address of a web server; expected http:// or https://")
    return urllib.request.Request(url, headers={"User-Agent": "vox2pix", **headers})  # noqa: S310  (just checked)


def _room(partial: Path, needed: int) -> None:
    free = shutil.disk_usage(partial.parent).free
    if needed > free:
        raise FetchFailed(
            f"{partial.name} takes {needed} bytes more, and {partial.parent} has {free} left; "
            "free some, or name another folder by --to"
        )


def _compare(url: str, path: Path, size: int | None, sha256: str | None) -> None:
    """Refuse a file that is not the expected one."""
    found = path.stat().st_size
    if size is not None and found != size:
        raise FetchFailed(
            f"{url} has {found} bytes, expected {size}; nothing was kept: it is another file now"
        )
    if sha256 is not None and (is_so := hashed(path)) != sha256:
        raise FetchFailed(f"{url} has sha256 {is_so}, expected {sha256}; nothing was kept: fetch it again")
