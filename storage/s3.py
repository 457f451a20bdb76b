"""Object stores behind the door: S3 through obstore, with the options users know from s3fs."""

from __future__ import annotations

import re
import threading
from contextlib import contextmanager
from functools import lru_cache
from typing import TYPE_CHECKING, Any

from .credentials import Credentials, endpoint, region
from .errors import Changed, Denied, Missing, StorageError, Unreachable
from .looks import once, told
from .patience import FIRST, LONGEST, Patience
from .resuming import Reading, asked
from .transfer import Stat, traffic

if TYPE_CHECKING:
    from collections.abc import Iterator

#: How often a request is tried again where no server has ever answered; what obstore does for HEAD and PUT.
RETRIES = 10
#: For how many seconds a request is tried again without progress: 503s and cut bodies pass.
RETRY_SECONDS = 60


_STATUS = re.compile(r"status code: (\d{3})")
#: What a busy server says (AWS: SlowDown, InternalError, RequestTimeout).
_PASSING = {"408", "429", "500", "502", "503", "504"}


_opening = threading.Lock()


def bucket(name: str, options: tuple[tuple[str, str | bool], ...], process: int) -> Bucket:
    """Return the bucket `name`, opened once a process (a fork must not share connections)."""
    with _opening:  # threads that come first together would open one each
        return _bucket(name, options, process)


@lru_cache(maxsize=32)
def _bucket(name: str, options: tuple[tuple[str, str | bool], ...], _process: int) -> Bucket:
    return Bucket(name, dict(options))


class Bucket:
    """One S3 bucket; names are keys."""

    def __init__(self, name: str, options: dict[str, str | bool]) -> None:
        self.name = name
        self.options = options
        self.seen = False
        self.store = self._open("")
        self.once = self._open("", retries=0)  # reads are tried again here, where each is counted

    def _open(self, prefix: str, retries: int | None = None) -> Any:
        from datetime import timedelta

        from obstore.store import S3Store

        server = endpoint(self.options)
        settings: dict[str, Any] = {"region": region(self.options)}
        if server:
            settings |= {
                "endpoint": server,
                "client_options": {"allow_http": server.lower().startswith("http://")},
            }
        if self.options.get("anon"):
            settings["skip_signature"] = True
        else:
            settings["credential_provider"] = Credentials(str(self.options.get("profile") or "") or None)
        retry: Any = {
            "max_retries": RETRIES if retries is None else retries,
            "retry_timeout": timedelta(seconds=RETRY_SECONDS),
            "backoff": {
                "base": 2,
                "init_backoff": timedelta(seconds=FIRST),
                "max_backoff": timedelta(seconds=LONGEST),
            },
        }
        return S3Store(self.name, prefix=prefix or None, retry_config=retry, **settings)

    def stat(self, name: str) -> Stat:
        """Return size, etag and time of an object."""
        return once((self, "stat", name), lambda: self._head(name))

    def _head(self, name: str) -> Stat:
        try:
            with self._said(name):
                found = self.store.head(name)
        except Missing:
            self._insist_on_bucket(name)
            raise
        self.seen = True
        return _stat(found)

    def _insist_on_bucket(self, name: str) -> None:
        """Raise where it is the bucket that is missing: the answer to a HEAD has no body to say so."""
        if self.seen:
            return
        try:
            with self._said(name):
                next(iter(self.store.list(name, chunk_size=1)), None)
        except Missing:
            raise
        except StorageError:  # who may read the keys need not be allowed to list them
            return
        self.seen = True

    def read(
        self,
        name: str,
        start: int,
        length: int | None,
        etag: str | None = None,
        given_up: threading.Event | None = None,
    ) -> bytes:
        """Return bytes of an object; what failed is asked for again, from where the body was cut."""
        if length == 0:
            return b""
        patience = Patience(RETRY_SECONDS, given_up or threading.Event())
        reading = Reading(self.once, name, asked(start, length, etag))
        while True:
            try:
                with self._said(name):
                    reading.go_on()
                    return reading.content()[:length]
            except Unreachable as fault:
                if reading.came:
                    patience.progress()
                if not (self._passes(fault, patience.failures) and patience.wait()):
                    raise
            finally:
                self.seen = self.seen or reading.began
                traffic.count(reading.came)

    def _passes(self, fault: Unreachable, failures: int) -> bool:
        """Tell whether it is worth while to ask again."""
        if fault.status:
            return fault.status in _PASSING
        return self.seen or failures < RETRIES

    def write(self, name: str, content: bytes) -> None:
        """Put an object; a PUT is atomic."""
        with self._said(name):
            self.store.put(name, content)

    def delete(self, name: str) -> None:
        """Remove an object."""
        with self._said(name):
            self.store.delete(name)

    def folders(self, name: str) -> list[str]:
        """Return the common prefixes below a key."""
        return [prefix.rstrip("/").rsplit("/", 1)[-1] for prefix in self._level(name)["common_prefixes"]]

    def _level(self, name: str) -> Any:
        """Return what lies right below a key: `objects` and `common_prefixes`."""

        def ask() -> Any:
            """List the level, and remember what it says of each object."""
            with self._said(name):
                found = self.store.list_with_delimiter(name or None)
            self.seen = True
            for item in found["objects"]:
                told((self, "stat", item["path"]), _stat(item))
            return found

        return once((self, "level", name), ask)

    def files(self, name: str, *, recursive: bool) -> Iterator[tuple[str, Stat]]:
        """Yield the objects below a key."""
        skip = len(name) + 1 if name else 0
        if recursive:
            with self._said(name):
                found = [item for page in self.store.list(name or None) for item in page]
        else:
            found = self._level(name)["objects"]
        yield from sorted((item["path"][skip:], _stat(item)) for item in found)

    def zarr(self, name: str) -> Any:
        """Return a Zarr store below a key."""
        import zarr

        return zarr.storage.ObjectStore(self._open(name))

    @contextmanager
    def _said(self, name: str) -> Iterator[None]:
        import obstore.exceptions as raised

        place = f"s3://{self.name}/{name}"
        try:
            yield
        except raised.PreconditionError:
            raise Changed(
                f"{place} was written while it was read; nothing of it was kept: run again when it rests"
            ) from None
        except FileNotFoundError as error:
            if "NoSuchBucket" in str(error):
                raise Missing(
                    f"bucket {self.name!r} does not exist; check the URL and the endpoint"
                ) from None
            raise Missing(f"{place} does not exist; check the URL") from None
        except (PermissionError, raised.UnauthenticatedError) as error:
            raise Denied(
                f"{place}: access denied ({_reason(error)}); check the credentials, or set "
                "storage_options.anon = true for a public bucket"
            ) from None
        except raised.BaseError as error:
            raise self._told(place, error) from None
        except ValueError as error:  # ".." or an empty component: obstore takes no such key
            raise Missing(f"{place} does not exist ({_reason(error)}); check the URL") from None
        except BaseException as error:
            if (
                type(error).__name__ != "PanicException"
            ):  # what obstore's Rust makes of a request it can't form
                raise
            raise self._told(place, error) from None

    def _told(self, place: str, error: BaseException) -> Exception:
        text = str(error)
        status = (_STATUS.findall(text) or [""])[0]
        if "NoSuchBucket" in text:
            return Missing(f"bucket {self.name!r} does not exist; check the URL and the endpoint")
        words = ("AccessDenied", "InvalidAccessKeyId", "SignatureDoesNotMatch")
        if status == "403" or any(word in text for word in words):
            return Denied(f"{place}: access denied; check the credentials and the bucket's policy")
        if "no credentials" in text:
            return Denied(
                f"{place}: no AWS credentials found; set AWS_PROFILE or storage_options.profile, or "
                "storage_options.anon = true for a public bucket"
            )
        told = Unreachable(
            f"{place} could not be reached ({_reason(error)}); "
            "check the network and storage_options.endpoint_url"
        )
        told.status = status
        return told


def _stat(found: Any) -> Stat:
    return Stat(found["size"], (found["e_tag"] or "").strip('"'), found["last_modified"].timestamp())


def _reason(error: BaseException) -> str:
    """Return the first line of obstore's long message."""
    return (str(error).strip().splitlines() or [type(error).__name__])[0][:200]
