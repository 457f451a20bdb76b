"""Worker processes on machines that are reached by ssh; the scheduler runs in this process."""

from __future__ import annotations

import asyncio
import shlex
import sys
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from difflib import get_close_matches
from typing import TYPE_CHECKING, Any

from distributed.deploy.spec import ProcessInterface

from cluster.environment import job_variables
from cluster.errors import ClusterConfigError, ClusterNotStarted
from cluster.fleet import Plan, running
from cluster.folder import log_folder
from cluster.logs import diverted
from cluster.security import LOOPBACK, environment, temporary_keys, worker_keys

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence

    from cluster.client import DaskWorkers
    from cluster.kinds import Gpu, Ssh

OPTIONS = ("connect_options", "remote_python", "scheduler_options", "worker_extra_args")
"""What `options` may hold: for `asyncssh.connect`, for `distributed.Scheduler`, and for ``dask worker``."""
GOODBYE = 5.0
"""Seconds a machine may take to remove what was written there."""


@dataclass(frozen=True)
class Launch:
    """How a worker's process is started on its machine."""

    connection: Mapping[str, Any]
    """Options of `asyncssh.connect`."""
    python: str
    arguments: Sequence[str]
    """Of ``dask worker``."""
    variables: Mapping[str, str]


@dataclass
class Places:
    """Where each worker writes its log."""

    folders: dict[str, str] = field(default_factory=dict)
    named: bool = False

    def __call__(self, name: str) -> str:
        """Return host and path of a worker's log."""
        self.named = True
        return f"{self.folders.get(name, 'not begun:')}/worker-{name}.log"


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
        *(("--resources", "GPU=1") if gpu else ()),
        *given.get("worker_extra_args", ()),
    ]
    return {
        "cls": Remote,
        "options": {
            "host": host,
            "launch": Launch(
                given.get("connect_options", {}),
                given.get("remote_python", sys.executable),
                arguments,
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


class Remote(ProcessInterface):
    """A worker's process on another machine, with a folder of its own there for its keys and its log.

    Parameters
    ----------
    scheduler, name
        Address of the scheduler, and the worker's name.
    host, launch
        The machine, and how it is started there.
    keys
        Text of the files of its keys, by their names; none where connections are not encrypted.
    places
        Told where the log is.
    """

    def __init__(
        self,
        scheduler: str,
        *,
        name: str,
        host: str,
        launch: Launch,
        keys: Mapping[str, str],
        places: Places,
    ) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self.host, self.launch, self.keys, self.places = host, launch, keys, places
        self.name = name
        self.arguments = ["-m", "distributed.cli.dask_worker", scheduler, "--name", name, *launch.arguments]
        self.folder = ""
        self.process: Any = None
        self._ssh: Any = None

    async def start(self) -> None:
        """Write the keys and start the process, which finds them by its environment."""
        import asyncssh

        self._ssh = await asyncssh.connect(self.host, **self.launch.connection)
        try:
            await self._look()
            await self._launch()
        except BaseException:
            await self._part()
            raise
        await super().start()  # type: ignore[no-untyped-call]

    async def _launch(self) -> None:
        made = await self._ssh.run("umask 077 && mktemp -d -t vox2pix-XXXXXXXX", check=True)
        self.folder = str(made.stdout).strip()
        self.places.folders[self.name] = f"{self.host}:{self.folder}"
        for file, text in self.keys.items():
            await self._ssh.run(f"umask 077 && cat > {self.folder}/{file}", input=text, check=True)
        self.process = await self._ssh.create_process(self.command(self.folder))

    def command(self, folder: str) -> str:
        """Return what starts the process, its keys and log in a folder."""
        found = {**self.launch.variables, **(environment(folder) if self.keys else {})}
        exports = [f"{name}={shlex.quote(value)}" for name, value in found.items()]
        command = ["exec", "env", *exports, self.launch.python, *map(shlex.quote, self.arguments)]
        return f"{' '.join(command)} > {folder}/worker-{self.name}.log 2>&1"

    async def _look(self) -> None:
        """Refuse a machine on which vox2pix is not installed."""
        python = self.launch.python
        tried = await self._ssh.run(f"{python} -c 'import cluster.logs, distributed'")
        if tried.exit_status:
            said = (str(tried.stderr).strip().splitlines() or ["no word why"])[-1]
            raise ClusterNotStarted(
                f"{self.host} has no vox2pix for {python} ({said}); install it there, or name another "
                "Python as remote_python in [cluster.options]"
            )

    async def close(self) -> None:
        """End the process, and leave nothing there but a log that was named."""
        if self.process is not None and self.process.exit_status is None:
            self.process.terminate()
            with suppress(TimeoutError):
                await asyncio.wait_for(self.process.wait(), GOODBYE)
        if self.folder:
            inside = " ".join(f"{self.folder}/{file}" for file in self.keys)
            with suppress(Exception):  # the machine may be gone
                remove = self._ssh.run(f"rm -rf {inside if self.places.named else self.folder}")
                await asyncio.wait_for(remove, GOODBYE)
        await self._part()
        await super().close()  # type: ignore[no-untyped-call]

    async def _part(self) -> None:
        if self._ssh is not None:
            self._ssh.close()
            with suppress(Exception):  # the machine may be gone
                await asyncio.wait_for(self._ssh.wait_closed(), GOODBYE)


class _Queue:
    """What ssh knows of the processes it has started."""

    async def states(self, members: Mapping[str, Any]) -> dict[str, str]:
        return {
            name: f"the process on {member.host} runs"
            for name, member in members.items()
            if member.process is None or member.process.exit_status is None
        }
