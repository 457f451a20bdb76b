"""A worker's process on a machine that is reached by ssh."""

from __future__ import annotations

import asyncio
import shlex
from contextlib import suppress
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from distributed.deploy.spec import ProcessInterface

from cluster.errors import ClusterNotStarted
from cluster.security import environment

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

CONNECTION = {"connect_timeout": 20, "keepalive_interval": 15}
"""Seconds, for `asyncssh.connect`: to let us in, and between questions whether the machine is still there, of
which it may leave three unanswered."""
START = 60.0
"""Seconds a machine that let us in may take to start a process."""
GOODBYE = 5.0
"""Seconds a process may take to end."""
REMOVE = 20.0
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

        try:
            self._ssh = await asyncssh.connect(self.host, **{**CONNECTION, **self.launch.connection})
        except (OSError, asyncssh.Error) as error:
            raise ClusterNotStarted(
                f"{self.host} could not be reached by ssh ({str(error).strip() or 'no answer'}); see that "
                f"`ssh {self.host}` works without a question"
            ) from None
        try:
            async with asyncio.timeout(START):
                await self._look()
                await self._launch()
        except BaseException as error:
            await self._leave()
            if isinstance(error, TimeoutError):
                raise ClusterNotStarted(f"{self.host} started nothing within {START:.0f} s") from None
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
        """Return what starts the process, its keys and log in a folder; the keys are gone when it has ended.

        The process and the shell, which waits for it, both hear the signal that ends it.
        """
        found = {**self.launch.variables, **(environment(folder) if self.keys else {})}
        exports = [f"{name}={shlex.quote(value)}" for name, value in found.items()]
        command = " ".join(["env", *exports, self.launch.python, *map(shlex.quote, self.arguments)])
        keys = " ".join(f"{folder}/{file}" for file in self.keys)
        tidy = f"; code=$?; rm -f {keys}; exit $code" if keys else ""
        script = f"trap : HUP INT TERM; {command} > {folder}/worker-{self.name}.log 2>&1{tidy}"
        return f"exec sh -c {shlex.quote(script)}"

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
            with suppress(Exception):  # it or its machine may be gone
                self.process.terminate()
                await asyncio.wait_for(self.process.wait(), GOODBYE)
        await self._leave()
        await super().close()  # type: ignore[no-untyped-call]

    async def _leave(self) -> None:
        """Remove what was written there, and part."""
        if self._ssh is None:
            return
        if self.folder:
            inside = " ".join(f"{self.folder}/{file}" for file in self.keys)
            with suppress(Exception):  # the machine may be gone
                remove = self._ssh.run(f"rm -rf {inside if self.places.named else self.folder}")
                await asyncio.wait_for(remove, REMOVE)
        self._ssh.close()
        with suppress(Exception):
            await asyncio.wait_for(self._ssh.wait_closed(), GOODBYE)

    @property
    def lost(self) -> bool:
        """Whether its machine no longer answers."""
        return self._ssh is not None and bool(self._ssh.is_closed())
