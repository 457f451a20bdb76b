"""Who may connect: nobody from elsewhere, or those who hold keys made for one cluster alone.

Whoever can connect to a dask scheduler can run code on all its workers.
"""

from __future__ import annotations

import json
from ipaddress import ip_address
from pathlib import Path
from typing import TYPE_CHECKING

from cluster.endpoint import split_address
from cluster.errors import ClusterConfigError, ClusterNotStarted
from cluster.kinds import Address, SchedulerFile

if TYPE_CHECKING:
    from distributed import Security

    from cluster.kinds import ClusterConfig

LOOPBACK = "127.0.0.1"
_FILES = {"ca_file": "ca.crt", "cert": "tls.crt", "key": "tls.key"}
"""Names of the files of a worker's keys, as a Kubernetes secret of type tls has them."""


def refuse_open_connection(config: ClusterConfig, *, insecure: bool) -> None:
    """Refuse an unencrypted connection that leaves this machine, unless it is asked for.

    Raises
    ------
    ClusterConfigError
        For ``tcp://`` to another host, or a cluster on other machines without encryption, without `insecure`.
    ClusterNotStarted
        Where a scheduler's file is not there.
    """
    if not insecure and (what := open_connection(config)):
        raise ClusterConfigError(
            f"{what} unencrypted and without a password: who can reach that port can read the data and run "
            "code there; use tls, or give --insecure in a network of yours"
        )


def open_connection(config: ClusterConfig) -> str:
    """Say what would leave this machine unencrypted; nothing where nothing would.

    Raises
    ------
    ClusterNotStarted
        Where a scheduler's file is not there.
    """
    address = address_of(config)
    if not getattr(config, "encryption", True):
        return f"[cluster] encryption = false lets the {config.kind!r} cluster talk"
    if address and address.startswith("tcp") and not is_loopback(split_address(address)[1]):
        return f"{address} leaves this machine"
    return ""


def address_of(config: ClusterConfig) -> str | None:
    """Return the address of a scheduler that somebody else runs; None for a cluster that we start."""
    if isinstance(config, Address):
        return config.address
    return _written(Path(config.file)) if isinstance(config, SchedulerFile) else None


def _written(file: Path) -> str:
    try:
        address = str(json.loads(file.read_text(encoding="utf-8"))["address"])
        split_address(address)
    except FileNotFoundError:
        raise ClusterNotStarted(
            f"scheduler file {file} is not there; start the scheduler with: "
            f"dask scheduler --scheduler-file {file}"
        ) from None
    except (OSError, ValueError, TypeError, KeyError, AttributeError) as error:
        told = f"it lacks {error}" if isinstance(error, KeyError) else str(error)
        raise ClusterConfigError(f"scheduler file {file} does not say where a scheduler is: {told}") from None
    return address


def is_loopback(host: str) -> bool:
    """Tell whether a host is this machine as only this machine reaches it."""
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def temporary_keys() -> Security:
    """Return keys of a certificate authority made now: only who is given them gets in, or is let in.

    Raises
    ------
    ClusterNotStarted
        Where the library that makes them is missing.
    """
    from distributed import Security

    try:
        keys: Security = Security.temporary()
    except ImportError as error:
        raise ClusterNotStarted(
            "keys for TLS can't be made without the package cryptography; pip install cryptography"
        ) from error
    return keys


def worker_keys(security: Security) -> dict[str, str]:
    """Return the text of a worker's files (``ca.crt``, ``tls.crt``, ``tls.key``), by their names."""
    keys = security.get_tls_config_for_role("worker")
    return {name: keys[key] for key, name in _FILES.items()}


def write_keys(folder: Path, security: Security) -> Path:
    """Write a worker's keys to a new folder that only this user may enter, and return it."""
    folder.mkdir(mode=0o700)
    folder.chmod(0o700)  # whatever the umask
    for name, text in worker_keys(security).items():
        path = folder / name
        path.touch(mode=0o600)
        path.write_text(text, encoding="ascii")
    return folder


def environment(folder: str, role: str = "worker") -> dict[str, str]:
    """Return the variables by which a dask worker, or a scheduler, finds its keys in a folder."""
    settings = {"CA_FILE": "ca_file", f"{role.upper()}__CERT": "cert", f"{role.upper()}__KEY": "key"}
    found = {
        f"DASK_DISTRIBUTED__COMM__TLS__{name}": f"{folder}/{_FILES[key]}" for name, key in settings.items()
    }
    return {**found, "DASK_DISTRIBUTED__COMM__REQUIRE_ENCRYPTION": "True"}
