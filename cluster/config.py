"""How a cluster is described: the table ``[cluster]`` of a recipe, or one word on the command line."""

from __future__ import annotations

import tomllib
from difflib import get_close_matches
from ipaddress import ip_address
from pathlib import Path
from typing import Any, Literal, Self
from urllib.parse import urlsplit

from pydantic import BaseModel, ConfigDict, Field, ValidationError, field_validator, model_validator

from cluster.errors import ClusterConfigError
from cluster.sizes import parse_bytes

KINDS = ("threads", "local", "address")
_KNOWN = "'local', 'threads', 'tcp://HOST:PORT', 'tls://HOST:PORT' or a TOML file with the keys of [cluster]"
_OURS = {
    "local": {"dashboard_address", "host", "interface", "ip", "memory_limit", "n_workers", "processes"}
    | {"protocol", "scheduler_kwargs", "threads_per_worker", "worker_dashboard_address"},
    "threads": {"max_workers", "initializer", "initargs"},
    "address": {"address", "asynchronous", "set_as_default"},
}


class ClusterConfig(BaseModel):
    """Who works, and with how much.

    Parameters
    ----------
    kind
        ``local`` (processes on this machine), ``threads`` (of this process) or ``address`` (a dask scheduler
        that somebody else runs).
    workers
        Number of workers; default one a core. Not for ``address``.
    threads
        Tasks a worker does at once. Whatever it is, BLAS runs on one thread a task: a matrix product on two
        threads may round otherwise, and the bits of a product must not depend on who computed it.
    memory
        Limit a worker, like "2GB"; default an equal share of the machine. For ``threads``: of all together.
    options
        Passed on to `distributed.LocalCluster`, `ThreadPoolExecutor` or `distributed.Client`.
    address
        ``tcp://HOST:PORT`` or ``tls://HOST:PORT``, with kind ``address`` only.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    kind: Literal["threads", "local", "address"] = "local"
    workers: int | None = Field(default=None, ge=1)
    threads: int = Field(default=1, ge=1)
    memory: str | None = None
    options: dict[str, Any] = Field(default_factory=dict)
    address: str | None = None

    @field_validator("memory")
    @classmethod
    def _memory_is_a_size(cls, value: str | None) -> str | None:
        if value is not None:
            parse_bytes(value)
        return value

    @field_validator("address")
    @classmethod
    def _address_is_complete(cls, value: str | None) -> str | None:
        if value is not None:
            split_address(value)
        return value

    @model_validator(mode="after")
    def _keys_fit_the_kind(self) -> Self:
        if (self.kind == "address") != (self.address is not None):
            raise ValueError(
                "kind 'address' and the key address (tcp://HOST:PORT or tls://HOST:PORT) go together"
            )
        if self.kind == "address" and (self.workers or self.memory):
            raise ValueError("workers and memory can't be set for a cluster that somebody else started")
        if taken := sorted(_OURS[self.kind] & self.options.keys()):
            raise ValueError(
                f"options must not hold {', '.join(taken)}: set by vox2pix itself for {self.kind!r}"
            )
        return self

    @property
    def memory_bytes(self) -> int | None:
        """The limit in bytes, where one is given."""
        return None if self.memory is None else parse_bytes(self.memory)


def parse(value: str) -> ClusterConfig:
    """Return the cluster that one word describes.

    Parameters
    ----------
    value
        ``local``, ``threads``, an address (``tcp://HOST:PORT``, ``tls://HOST:PORT``), or the path of a TOML
        file with the keys of `ClusterConfig`.

    Raises
    ------
    ClusterConfigError
        Where it is none of these, naming what is known and the nearest match.
    """
    if value in ("local", "threads"):
        return _validated({"kind": value}, repr(value))
    if "://" in value:
        return _validated({"kind": "address", "address": value}, repr(value))
    path = Path(value)
    if path.suffix == ".toml" or path.is_file():
        return _validated(_read(path), value)
    near = get_close_matches(value, KINDS[:2], n=1)
    hint = f"; did you mean {near[0]!r}?" if near else ""
    raise ClusterConfigError(f"{value!r} is no cluster; known: {_KNOWN}{hint}")


def _read(path: Path) -> dict[str, Any]:
    try:
        table = tomllib.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise ClusterConfigError(f"cluster file {path} is not there; known: {_KNOWN}") from None
    except (OSError, ValueError) as error:
        raise ClusterConfigError(f"cluster file {path} can't be read as TOML: {error}") from error
    inner = table.get("cluster")
    return inner if isinstance(inner, dict) and len(table) == 1 else table


def _validated(table: dict[str, Any], place: str) -> ClusterConfig:
    try:
        return ClusterConfig(**table)
    except ValidationError as error:
        raise ClusterConfigError("; ".join(_told(one, place) for one in error.errors())) from error


def _told(error: Any, place: str) -> str:
    """Say one of pydantic's complaints in a sentence, with the nearest known word."""
    key = ".".join(str(part) for part in error["loc"])
    known: tuple[str, ...] = ()
    if error["type"] == "extra_forbidden":
        known, found = tuple(ClusterConfig.model_fields), key
        text = f"cluster {place}: unknown key {key!r}; known: {', '.join(known)}"
    elif error["type"] == "literal_error":
        known, found = KINDS, str(error["input"])
        text = f"cluster {place}: unknown kind {found!r}; known: {', '.join(KINDS)}"
    else:
        found = ""
        text = f"cluster {place}: {key + ': ' if key else ''}{error['msg'].removeprefix('Value error, ')}"
    near = get_close_matches(found, known, n=1)
    return f"{text}; did you mean {near[0]!r}?" if near else text


def split_address(address: str) -> tuple[str, str, int]:
    """Return scheme, host and port of a scheduler's address, or raise `ValueError` saying what is missing."""
    try:
        parts = urlsplit(address)
        scheme, host, port = parts.scheme, parts.hostname, parts.port
    except ValueError:
        scheme, host, port = "", None, None
    if scheme not in ("tcp", "tls") or not host or not port:
        raise ValueError(f"{address!r} is no scheduler address; expected tcp://HOST:PORT or tls://HOST:PORT")
    return scheme, host, port


def refuse_open_connection(config: ClusterConfig, *, insecure: bool) -> None:
    """Refuse an unencrypted connection that leaves this machine, unless it is asked for.

    Raises
    ------
    ClusterConfigError
        For ``tcp://`` to another host without `insecure`.
    """
    if config.address is None or insecure:
        return
    scheme, host, _ = split_address(config.address)
    if scheme == "tcp" and not _is_loopback(host):
        raise ClusterConfigError(
            f"{config.address} leaves this machine unencrypted and without a password: who can reach that "
            "port can read the data and run code there; use tls://, or give --insecure in a network of yours"
        )


def _is_loopback(host: str) -> bool:
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"
