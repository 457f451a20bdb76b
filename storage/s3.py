"""Object stores behind the door: S3 through obstore, with the options users know from s3fs."""

from __future__ import annotations

import os
from contextlib import contextmanager
from functools import lru_cache
from typing import TYPE_CHECKING, Any

from .endpoint import check_endpoint
from .errors import Denied, Missing, StorageError, Unreachable
from .transfer import Stat, traffic

if TYPE_CHECKING:
    from collections.abc import Iterator

#: How often, and for how many seconds, a request is tried again: 503s and cut bodies pass.
RETRIES, RETRY_SECONDS = 6, 60


@lru_cache(maxsize=32)
def bucket(name: str, options: tuple[tuple[str, str | bool], ...], _process: int) -> Bucket:
    """Return the bucket `name`, opened once a process (a fork must not share connections)."""
    return Bucket(name, dict(options))


class Bucket:
    """One S3 bucket; names are keys."""

    def __init__(self, name: str, options: dict[str, str | bool]) -> None:
        self.name = name
        self.options = options
        self.seen = False
        self.store = self._open("")

    def _open(self, prefix: str) -> Any:
        from datetime import timedelta

        from obstore.store import S3Store

        endpoint = _endpoint(self.options)
        settings: dict[str, Any] = {"region": _region(self.options)}
        if endpoint:
            settings |= {
                "endpoint": endpoint,
                "client_options": {"allow_http": endpoint.lower().startswith("http://")},
            }
        if self.options.get("anon"):
            settings["skip_signature"] = True
        else:
            settings["credential_provider"] = Credentials(str(self.options.get("profile") or "") or None)
        retry: Any = {"max_retries": RETRIES, "retry_timeout": timedelta(seconds=RETRY_SECONDS)}
        return S3Store(self.name, prefix=prefix or None, retry_config=retry, **settings)

    def stat(self, name: str) -> Stat:
        """Return size, etag and time of an object."""
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

    def read(self, name: str, start: int, length: int | None) -> bytes:
        """Return bytes of an object, one request."""
        if length == 0:
            return b""
        with self._said(name):
            content = self._get(name, start, length)
        traffic.count(len(content))
        return content

    def _get(self, name: str, start: int, length: int | None) -> bytes:
        if start < 0:
            return bytes(self.store.get(name, options={"range": {"suffix": -start}}).bytes())[:length]
        if length is not None:
            return bytes(self.store.get_range(name, start=start, length=length))
        options = {"range": {"offset": start}} if start else {}
        return bytes(self.store.get(name, options=options).bytes())

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
        with self._said(name):
            found = self.store.list_with_delimiter(name or None)
        return [prefix.rstrip("/").rsplit("/", 1)[-1] for prefix in found["common_prefixes"]]

    def files(self, name: str, *, recursive: bool) -> Iterator[tuple[str, Stat]]:
        """Yield the objects below a key."""
        skip = len(name) + 1 if name else 0
        with self._said(name):
            if recursive:
                found = [item for page in self.store.list(name or None) for item in page]
            else:
                found = list(self.store.list_with_delimiter(name or None)["objects"])
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
        if "NoSuchBucket" in text:
            return Missing(f"bucket {self.name!r} does not exist; check the URL and the endpoint")
        if any(
            word in text for word in ("403", "AccessDenied", "InvalidAccessKeyId", "SignatureDoesNotMatch")
        ):
            return Denied(f"{place}: access denied; check the credentials and the bucket's policy")
        if "no credentials" in text:
            return Denied(
                f"{place}: no AWS credentials found; set AWS_PROFILE or storage_options.profile, or "
                "storage_options.anon = true for a public bucket"
            )
        return Unreachable(
            f"{place} could not be reached ({_reason(error)}); "
            "check the network and storage_options.endpoint_url"
        )


class Credentials:
    """Look AWS credentials up as every AWS tool does: environment, profiles, instance roles.

    Picklable: only the profile's name travels, each process finds the secret for itself.
    """

    def __init__(self, profile: str | None) -> None:
        self.profile = profile

    def __call__(self) -> dict[str, Any]:
        """Return the credentials botocore finds, in obstore's form."""
        from datetime import UTC, datetime, timedelta

        from botocore.exceptions import ProfileNotFound
        from botocore.session import Session

        try:
            found = Session(profile=self.profile).get_credentials()
        except ProfileNotFound:
            raise PermissionError(f"no credentials: AWS profile {self.profile!r} does not exist") from None
        if found is None:
            raise PermissionError("no credentials found")
        frozen = found.get_frozen_credentials()
        return {
            "access_key_id": frozen.access_key,
            "secret_access_key": frozen.secret_key,
            "token": frozen.token,
            # asked for again after a while, so that roles are renewed
            "expires_at": datetime.now(UTC) + timedelta(minutes=10),
        }


def _endpoint(options: dict[str, str | bool]) -> str:
    """Return the server's address from the options, else from the environment; none is AWS's own."""
    given = options.get("endpoint_url")
    if given:
        return str(given)
    for name in ("AWS_ENDPOINT_URL_S3", "AWS_ENDPOINT_URL"):
        found = os.environ.get(name)
        if found:
            check_endpoint(found, f"the environment's {name}")
            return found
    return ""


def _region(options: dict[str, str | bool]) -> str:
    from botocore.session import Session

    profile = str(options.get("profile") or "") or None
    try:
        return str(Session(profile=profile).get_config_variable("region") or "us-east-1")
    except Exception:  # noqa: BLE001  a profile that does not exist is told of when credentials are asked for
        return "us-east-1"


def _stat(found: Any) -> Stat:
    return Stat(found["size"], (found["e_tag"] or "").strip('"'), found["last_modified"].timestamp())


def _reason(error: BaseException) -> str:
    """Return the first line of obstore's long message."""
    return (str(error).strip().splitlines() or [type(error).__name__])[0][:200]
