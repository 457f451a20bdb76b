"""What workers are, as each of them tells: software, memory, GPUs; and what differs from here."""

from __future__ import annotations

import os
import platform
import socket
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, version
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from cluster.devices import gpus
from cluster.errors import ClusterError
from cluster.security import is_loopback

if TYPE_CHECKING:
    from cluster.workers import Workers

#: Distributions that have to be the same everywhere: they speak to each other, or make the stored numbers.
SAME = (
    "vox2pix", "dask", "distributed", "cloudpickle", "msgpack", "numpy", "scipy", "scikit-learn", "zarr",
    "xarray", "h5py", "pillow", "torch", "diffusers", "transformers",
)  # fmt: skip


class Differs(ClusterError):
    """A worker has other software than this process."""

    kind = "cluster-differs"


@dataclass(frozen=True)
class Face:
    """One worker, as it tells.

    Parameters
    ----------
    host
        Its machine.
    versions
        Of Python and of what is to be the same, by name; what is not installed is left out.
    resident
        Bytes its process holds before it has done anything.
    limit
        Bytes it may hold; None where nothing limits it.
    gpus
        Name and memory of each GPU of its machine, where it may use one.
    """

    host: str
    versions: dict[str, str]
    resident: int
    limit: int | None
    gpus: tuple[str, ...]

    @property
    def headroom(self) -> int | None:
        """Bytes left to tasks."""
        return None if self.limit is None else self.limit - self.resident


def face(dask_worker: Any = None) -> Face:
    """Return what this process is; called on each worker, by dask with the worker: it is no task of its."""
    import psutil

    from cluster.resident import process_limit

    used = os.environ.get("CUDA_VISIBLE_DEVICES") not in {"", "-1"}
    return Face(
        socket.gethostname(),
        _versions(),
        int(psutil.Process().memory_info().rss),
        process_limit() if dask_worker is None else dask_worker.memory_manager.memory_limit or None,
        tuple(gpus() or ()) if used else (),
    )


def _versions() -> dict[str, str]:
    found = {"python": platform.python_version()}
    for name in SAME:
        try:
            found[name] = version(name)
        except PackageNotFoundError:
            continue
    return found


def survey(workers: Workers) -> dict[str, Face]:
    """Return what each worker is, by its name.

    Raises
    ------
    ClusterError
        Where a worker can't say it, as one that lacks vox2pix.
    """
    found: dict[str, Face] = {}
    for name, told in workers.each(face).items():
        if isinstance(told, BaseException):
            raise Differs(
                f"worker {name} can't run vox2pix ({type(told).__name__}: {told}); install the same version "
                "there"
            )
        found[name] = told
    return found


def differences(faces: dict[str, Face]) -> list[str]:
    """Return what differs from this process, a sentence for each worker and distribution."""
    here = _versions()
    return [
        f"worker {name} has {what} {there or 'not at all'}, here it is {here.get(what, 'not installed')}"
        for name, face in faces.items()
        for what in dict.fromkeys((*here, *face.versions))
        if (there := face.versions.get(what)) != here.get(what)
    ]


def encryption(workers: Any) -> str:
    """Say whether what workers tell each other can be overheard."""
    address = getattr(workers, "address", "")
    if not address:
        return "nothing leaves this process"
    scheme, host = urlsplit(address).scheme, urlsplit(address).hostname or ""
    if scheme == "tls":
        return f"TLS, {address}"
    return f"none, {address}" + (", which only this machine reaches" if is_loopback(host) else "")


def tunnel(dashboard: str) -> str:
    """Return the command that brings a dashboard, which only this machine reaches, to a browser elsewhere."""
    parts = urlsplit(dashboard)
    return f"ssh -N -L {parts.port}:{parts.hostname}:{parts.port} {socket.gethostname()}"
