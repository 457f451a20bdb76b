"""A small read-only S3 server on this machine alone, for the demo, tests and benchmarks.

It answers GET and HEAD of objects (ranges, conditions on the etag) and ListObjectsV2, to anybody on
this machine who asks: signatures are not looked at, so no credentials are needed. Buckets are folders;
addresses have the bucket in the path. What is written into the folders is served from then on. It can be
as far away, as slow and as unreliable as a `Weather` says.
"""

from __future__ import annotations

import asyncio
import random
import socket
import threading
from collections import Counter
from concurrent.futures import Future
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from http import HTTPStatus
from pathlib import Path
from typing import TYPE_CHECKING

from storage.errors import Missing

from .http_wire import HEAD_LIMIT, Malformed, read_request
from .s3_answer import LOOPBACK, answer
from .s3_objects import Refusal
from .weather import SHORTEST, Pace, Weather

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from .http_wire import Reply, Request

#: Seconds and bytes that a client may still send after its request was refused.
LINGER_SECONDS, LINGER_BYTES = 2.0, 64 * 2**20


@dataclass
class Server:
    """A running server and what it has answered so far."""

    url: str
    """Its endpoint, as `endpoint_url` of the storage options."""
    weather: Weather = field(default_factory=Weather)
    """How it answers; another may be set at any time."""
    requests: int = 0
    """Requests answered, refused ones too."""
    bytes: int = 0
    """Bytes of bodies sent."""
    statuses: Counter[int] = field(default_factory=Counter)
    """Requests by the status of the reply."""
    cut: int = 0
    """Bodies that were broken off on purpose."""

    @property
    def options(self) -> dict[str, str | bool]:
        """The storage options that reach it."""
        return {"endpoint_url": self.url, "anon": True}


@contextmanager
def serve(
    folders: Mapping[str, Path],
    weather: Weather | None = None,
    before: Callable[[Request], None] = lambda _request: None,
) -> Iterator[Server]:
    """Serve folders as buckets for as long as the context lasts, from a thread of this process.

    Parameters
    ----------
    folders
        Folder by bucket name.
    weather
        Latency, bandwidth and faults; default none.
    before
        Called with each request before it is answered, in the server's thread: the place to replace a file
        while somebody reads it.

    Yields
    ------
    Server
        With the URL, on a port that was free.

    Raises
    ------
    Missing
        If a folder does not exist.
    """
    buckets = {name: Path(folder).resolve() for name, folder in folders.items()}
    for name, folder in buckets.items():
        if not folder.is_dir():
            raise Missing(f"{folder} is no folder, and can't be served as bucket {name!r}; check the path")
    desk = _Desk(buckets, weather or Weather(), before)
    thread = threading.Thread(target=desk.work, name="vox2pix-s3", daemon=True)
    thread.start()
    try:
        yield desk.ready.result()
    finally:
        desk.stop()
        thread.join()


@dataclass
class _Desk:
    """Answers connections in an event loop of its own."""

    buckets: Mapping[str, Path]
    weather: Weather
    before: Callable[[Request], None]
    ready: Future[Server] = field(default_factory=Future)
    _random: random.Random = field(init=False)
    _line: Pace = field(default_factory=Pace)
    _loop: asyncio.AbstractEventLoop = field(init=False)
    _closing: asyncio.Event = field(init=False)
    _connections: dict[asyncio.Task[None], socket.socket] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self._random = random.Random(self.weather.seed)  # noqa: S311  (faults, no secrets)

    def work(self) -> None:
        """Answer until `stop` is called."""
        try:
            asyncio.run(self._listen())
        except BaseException as error:
            if self.ready.done():
                raise
            self.ready.set_exception(error)

    async def _listen(self) -> None:
        self._loop, self._closing = asyncio.get_running_loop(), asyncio.Event()
        with socket.create_server((LOOPBACK, 0), backlog=1024) as listening:
            listening.settimeout(0)
            # asyncio's own server loses connections that come in while it closes, and leaves them open
            self._loop.add_reader(listening, self._accept, listening)
            self.ready.set_result(Server(f"http://{LOOPBACK}:{listening.getsockname()[1]}", self.weather))
            await self._closing.wait()
            self._loop.remove_reader(listening)
        await self._break_off()

    def _accept(self, listening: socket.socket) -> None:
        with suppress(OSError):  # the client has left again
            plug, _ = listening.accept()
            plug.settimeout(0)
            # head and body are two writes; without this the second waits for the first one's receipt
            plug.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            task = self._loop.create_task(self._connected(plug))
            self._connections[task] = plug
            task.add_done_callback(self._connections.pop)

    async def _break_off(self) -> None:
        still = dict(self._connections)
        for task in still:
            task.cancel()
        await asyncio.gather(*still, return_exceptions=True)
        await asyncio.sleep(0)  # an aborted connection is closed a turn later
        for plug in still.values():  # those whose task had not begun
            plug.close()

    def stop(self) -> None:
        """End `work`, from another thread."""
        with suppress(RuntimeError, AttributeError):  # it ended by itself, or never began
            self._loop.call_soon_threadsafe(self._closing.set)

    async def _connected(self, plug: socket.socket) -> None:
        reader, writer = await asyncio.open_connection(sock=plug, limit=HEAD_LIMIT)
        line = Pace()
        try:
            while await self._reply(reader, writer, line):
                pass
            writer.close()
            await writer.wait_closed()
        except (OSError, asyncio.CancelledError):
            pass  # the client has left, the file has changed, or we stop
        finally:
            writer.transport.abort()

    async def _reply(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, line: Pace) -> bool:
        """Answer one request; False where the connection ends with it."""
        try:
            request = await read_request(reader)
        except Malformed as error:
            said = Refusal(HTTPStatus.BAD_REQUEST, "InvalidRequest", str(error)).reply()
            await self._send(writer, line, said, keep_alive=False)
            return False
        if request is None:
            return False
        weather = self.ready.result().weather
        if weather.latency:
            await asyncio.sleep(weather.latency)
        self.before(request)
        reply = weather.spoiled(answer(self.buckets, request), self._random)
        keep = request.keeps_alive
        whole = await self._send(writer, line, reply, body=request.method != "HEAD", keep_alive=keep)
        if request.has_body:
            await _let_finish(reader, writer)
        return keep and whole

    async def _send(
        self, writer: asyncio.StreamWriter, line: Pace, reply: Reply, *, body: bool = True, keep_alive: bool
    ) -> bool:
        """Send a reply; False where its body was broken off."""
        server, size = self.ready.result(), len(reply.body) if body else 0
        sent = server.weather.reach(reply, self._random) if body else 0
        server.requests += 1
        server.statuses[reply.status] += 1
        server.cut += sent < size
        writer.write(reply.head(keep_alive=keep_alive))
        line.start()
        for piece in reply.pieces(sent):
            # at least one turn: a fast client of a large object must not keep the others waiting
            await asyncio.sleep(self._late(line, len(piece), server.weather))
            server.bytes += len(piece)  # before the client can have it, and look
            writer.write(piece)
            await writer.drain()
        await writer.drain()
        return sent == size

    def _late(self, line: Pace, size: int, weather: Weather) -> float:
        """Return in how many seconds a piece of a body has come through its line, and the one all share."""
        late = max(line.wait(size, weather.rate), self._line.wait(size, weather.total_rate))
        return late if late >= SHORTEST else 0


async def _let_finish(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """Read what the client still sends: a connection closed earlier could lose our reply on its way."""
    writer.write_eof()
    with suppress(TimeoutError):
        async with asyncio.timeout(LINGER_SECONDS):
            for _ in range(LINGER_BYTES // HEAD_LIMIT):
                if not await reader.read(HEAD_LIMIT):
                    return
