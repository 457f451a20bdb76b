"""The loopback S3 server in a process of its own, so that it takes no time from the one that is measured."""

from __future__ import annotations

import multiprocessing
import signal
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING

from storage.errors import Unreachable

from .serve import Server, serve

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from multiprocessing.connection import Connection
    from pathlib import Path

    from .weather import Weather


@dataclass(frozen=True)
class ServerApart:
    """A running server in another process."""

    url: str
    """Its endpoint, as `endpoint_url` of the storage options."""
    _line: Connection

    @property
    def options(self) -> dict[str, str | bool]:
        """The storage options that reach it."""
        return {"endpoint_url": self.url, "anon": True}

    def now(self, weather: Weather | None = None) -> Server:
        """Return what it has answered so far; from then on it answers as `weather` says, if that is given."""
        self._line.send(weather)
        found: Server = self._line.recv()
        return found


@contextmanager
def serve_apart(folders: Mapping[str, Path], weather: Weather | None = None) -> Iterator[ServerApart]:
    """Serve folders as buckets for as long as the context lasts, from another process; see `serve`.

    Raises
    ------
    Missing
        If a folder does not exist.
    """
    spawned = multiprocessing.get_context("spawn")
    ours, theirs = spawned.Pipe()
    process = spawned.Process(target=_work, args=(folders, weather, theirs), name="vox2pix-s3", daemon=True)
    process.start()
    theirs.close()
    try:
        yield _server(ours)
    finally:
        ours.close()  # the server's sign to stop; it also hears when this process dies
        process.join()
        process.close()


def _server(line: Connection) -> ServerApart:
    try:
        said: Server | Exception = line.recv()
    except EOFError:
        raise Unreachable("the server's process ended before it served; its message stands above") from None
    if isinstance(said, Exception):
        raise said
    return ServerApart(said.url, line)


def _work(folders: Mapping[str, Path], weather: Weather | None, line: Connection) -> None:
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is for the process that started us
    try:
        with serve(folders, weather) as server:
            line.send(server)
            while True:
                server.weather = line.recv() or server.weather
                line.send(server)
    except EOFError:
        pass  # whoever asked has left
    except Exception as error:  # noqa: BLE001  (raised again by whoever started us)
        line.send(error)
