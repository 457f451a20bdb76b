"""One attempt: a contender does its job once, in a process of its own, and is measured."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import tempfile
import threading
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from typing import IO, TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from storage.simulate.serve_apart import ServerApart

    from .scenario import Contender

#: What numerical libraries read their number of threads from.
THREADS = (
    "OMP_NUM_THREADS",
    "OPENBLAS_NUM_THREADS",
    "MKL_NUM_THREADS",
    "BLIS_NUM_THREADS",
    "VECLIB_MAXIMUM_THREADS",
    "NUMEXPR_NUM_THREADS",
)

#: Seconds one that gives no more answers has to end.
GOODBYE = 30.0


@dataclass
class _Process:
    """A started contender: lines in, lines out, and why it may have ended."""

    popen: subprocess.Popen[str]
    errors: IO[bytes]
    stopped: bool = False

    def tell(self, line: str) -> None:
        """Write a line to its standard input."""
        with suppress(BrokenPipeError):  # it has ended, and the line it owes says so
            print(line, file=self.popen.stdin, flush=True)

    def answer(self) -> dict[str, Any] | None:
        """Return the object it says next; None where it has ended."""
        line = self.popen.stdout.readline() if self.popen.stdout else ""
        found: dict[str, Any] | None = json.loads(line) if line else None
        return found

    def stop(self) -> None:
        """Kill it because it took too long."""
        self.stopped = True
        self.kill()

    def kill(self) -> None:
        """Kill it and all it started."""
        with suppress(ProcessLookupError):
            os.killpg(self.popen.pid, signal.SIGKILL)

    def last_words(self) -> str:
        """Return the last line of its complaints once it has ended, or its exit status."""
        try:
            status = self.popen.wait(GOODBYE)  # what it says may come after its last answer
        except subprocess.TimeoutExpired:
            self.kill()
            status = self.popen.wait()
        self.errors.seek(0)
        lines = self.errors.read().decode(errors="replace").strip().splitlines()
        return lines[-1] if lines else f"exit status {status}"


def attempt(
    contender: Contender,
    given: Mapping[str, Any],
    server: ServerApart | None = None,
    packages: Sequence[str] = (),
    environment: Mapping[str, object] | None = None,
) -> dict[str, Any]:
    """Run a contender once and return its figures.

    Parameters
    ----------
    contender
        Who.
    given
        What its `prepare` is called with.
    server
        Whose bytes and requests are counted.
    packages
        Distributions whose versions it tells.
    environment
        Further variables of its process.

    Returns
    -------
    dict
        `wall`, `cpu`, `memory`, what the server counted, figures of its own and `versions`; of one that was
        stopped or failed `stopped` (seconds) or `failed` (its last words).
    """
    with (
        tempfile.TemporaryDirectory(prefix="vox2pix-bench-") as cache,
        _started(contender, cache, environment or {}) as process,
        _limited(process, contender.limit),
    ):
        task = {"prepare": contender.prepare, "given": dict(given), "packages": list(packages)}
        process.tell(json.dumps(task))
        ready = process.answer()
        before = server.now() if server else None
        process.tell("go")
        found = process.answer()
        counted: dict[str, Any] = {}
        if server and before:
            after = server.now()
            counted["bytes"] = after.bytes - before.bytes
            counted["requests"] = after.requests - before.requests
        if ready is None or found is None:
            why = {"stopped": contender.limit} if process.stopped else {"failed": process.last_words()}
            return {**why, **(counted if ready else {})}
    return {**counted, **found, **ready}


@contextmanager
def _started(contender: Contender, cache: str, environment: Mapping[str, object]) -> Iterator[_Process]:
    command = [contender.python or sys.executable, "-m", "pipeline.bench.work"]
    surroundings = {
        **os.environ,
        **{name: str(value) for name, value in environment.items()},
        **dict.fromkeys(THREADS, str(contender.threads)),
        "PYTHONPATH": os.pathsep.join(filter(None, sys.path)),
        "XDG_CACHE_HOME": cache,  # what an earlier attempt kept would make this one look faster
    }
    if contender.python:  # another environment's packages; of ours only what lies beside `pipeline`
        surroundings["PYTHONPATH"] = os.fspath(_root())
    with (
        tempfile.TemporaryFile() as errors,
        subprocess.Popen(  # noqa: S603  (our own module)
            command,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=errors,
            text=True,
            env=surroundings,
            start_new_session=True,  # so that what it starts ends with it
        ) as popen,
    ):
        process = _Process(popen, errors)
        try:
            yield process
        finally:
            process.kill()


def _root() -> str:
    from pathlib import Path

    return str(Path(__file__).parents[2])


@contextmanager
def _limited(process: _Process, seconds: float) -> Iterator[None]:
    timer = threading.Timer(seconds, process.stop)
    timer.start()
    try:
        yield
    finally:
        timer.cancel()
