"""Worker processes on machines that are reached by ssh; the scheduler runs in this process."""

from __future__ import annotations

import sys
from contextlib import contextmanager
from difflib import get_close_matches
from typing import TYPE_CHECKING, Any

from cluster.arguments import with_gpu
from cluster.environment import job_variables
from cluster.errors import ClusterConfigError, ClusterNotStarted
from cluster.fleet import Plan, running
from cluster.folder import log_folder
from cluster.logs import diverted
from cluster.remote import Launch, Places, Remote
from cluster.security import LOOPBACK, temporary_keys, worker_keys

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from cluster.client import DaskWorkers
    from cluster.kinds import Gpu, Ssh

OPTIONS = ("connect_options", "remote_python", "scheduler_options", "worker_extra_args")
"""What `options` may hold: for `asyncssh.connect`, for `distributed.Scheduler`, and for ``dask worker``."""


@contextmanager
def connect_ssh(config: Ssh, tell: Callable[[str], object] | None = None) -> Iterator[DaskWorkers]:
    """Run workers on other machines for the life of the context."""
    _refuse_unknown(config)
    security = temporary_keys() if config.encryption else None
    keys = worker_keys(security) if security else {}
    places = Places()
    plan = Plan(
        "ssh",
        members(config, keys, places),
        _Queue(),
        places,
        config.wait,
        security,
        config.options.get("scheduler_options", {}),
    )
    with (
        log_folder() as logs,
        diverted(logs.folder / "scheduler.log"),
        running(plan, tell) as workers,
    ):
        yield workers


def commands(config: Ssh) -> str:
    """Return the command that would be run on each host."""
    _refuse_unknown(config)
    folder = "/tmp/vox2pix-..."  # noqa: S108  (a name to show)
    scheduler = f"{'tls' if config.encryption else 'tcp'}://HOST:PORT"
    lines = []
    for name, one in members(config, {"tls.key": ""} if config.encryption else {}).items():
        remote = Remote(scheduler, name=name, **one["options"])
        lines.append(f"{remote.host}: {remote.command(folder)}")
    return "\n".join(lines)


def members(config: Ssh, keys: Mapping[str, str], places: Any = None) -> dict[str, dict[str, Any]]:
    """Return what starts each worker, on each host some without a GPU and some with one."""
    found = {}
    for host in config.hosts:
        for number in range(config.workers or 1):
            found[f"cpu-{host}-{number}"] = _member(config, host, None, "")
        for number in range((config.gpu.workers or 1) if config.gpu else 0):
            found[f"gpu-{host}-{number}"] = _member(config, host, config.gpu, str(number))
    for one in found.values():
        one["options"] |= {"keys": keys, "places": places}
    return found


def _member(config: Ssh, host: str, gpu: Gpu | None, device: str) -> dict[str, Any]:
    given = {**config.options, **(gpu.options if gpu else {})}
    limit = (gpu and gpu.memory_bytes) or config.memory_bytes
    arguments = [
        *("--nthreads", str(1 if gpu else config.threads)),
        *("--protocol", "tls" if config.encryption else "tcp"),
        *("--dashboard-address", f"{LOOPBACK}:0"),
        *("--preload", "cluster.logs"),
        *("--death-timeout", "60"),
        *(("--memory-limit", str(limit)) if limit else ()),
        *given.get("worker_extra_args", ()),
    ]
    return {
        "cls": Remote,
        "options": {
            "host": host,
            "launch": Launch(
                given.get("connect_options", {}),
                given.get("remote_python", sys.executable),
                with_gpu(arguments) if gpu else arguments,
                {**job_variables(), "CUDA_VISIBLE_DEVICES": device},
            ),
        },
    }


def _refuse_unknown(config: Ssh) -> None:
    for name in (*config.options, *(config.gpu.options if config.gpu else ())):
        if name not in OPTIONS:
            near = get_close_matches(name, OPTIONS, n=1)
            hint = f"; did you mean {near[0]!r}?" if near else ""
            raise ClusterConfigError(
                f"options of 'ssh' must not hold {name!r}; known: {', '.join(OPTIONS)}{hint}"
            )
    try:
        import asyncssh  # noqa: F401
    except ImportError as error:
        raise ClusterNotStarted(
            "kind 'ssh' needs the package asyncssh; pip install 'vox2pix[ssh]'"
        ) from error


class _Queue:
    """What ssh knows of the processes it has started."""

    async def states(self, members: Mapping[str, Any]) -> dict[str, str]:
        return {
            name: f"the process on {member.host} runs"
            for name, member in members.items()
            if member.process is None or (member.process.exit_status is None and not member.lost)
        }
