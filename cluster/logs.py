"""Where dask's chatter goes: to files that a failure can name, not to the terminal.

This module is also what each worker process that we start loads first (dask calls `dask_setup`).
"""

from __future__ import annotations

import faulthandler
import logging
import os
import signal
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

FOLDER = "vox2pix.logs"
"""Key of dask's configuration under which worker processes find the folder of their logs."""
_LOGGERS = (
    "cluster", "distributed", "distributed.client", "asyncssh", "bokeh", "tornado", "tornado.application",
)  # fmt: skip


@contextmanager
def diverted(path: Path | None) -> Iterator[None]:
    """Send dask's log of this process to a file, or nowhere, for the life of the context."""
    handler = _Log(path, encoding="utf-8", delay=True) if path else logging.NullHandler()
    handler.setFormatter(logging.Formatter("%(asctime)s - %(name)s - %(levelname)s - %(message)s"))
    loggers = [logging.getLogger(name) for name in _LOGGERS]
    before = [(logger, logger.handlers[:], logger.propagate) for logger in loggers]
    for logger in loggers:
        logger.handlers, logger.propagate = [handler], False
    try:
        yield
    finally:
        for logger, handlers, propagate in before:
            logger.handlers, logger.propagate = handlers, propagate
        handler.close()


def preloads(given: str | Sequence[str]) -> list[str]:
    """Return what a worker process loads first: this module, then what the user names."""
    return [__name__, *([given] if isinstance(given, str) else given)]


class _Log(logging.FileHandler):
    """A log on a disk that may fill up: what does not fit is left out, and nobody is told."""

    def handleError(self, record: logging.LogRecord) -> None:  # noqa: N802  (logging's name)
        """Not stop, and write no traceback to the terminal."""

    def close(self) -> None:
        with suppress(OSError):
            super().close()


def dask_setup(worker: Any) -> None:
    """Prepare a worker process: a log of its own, deaf to Ctrl-C, computing lazy arrays by itself."""
    import dask

    folder = dask.config.get(FOLDER, None)
    if folder:  # else what a job writes is its log
        log = os.open(
            Path(folder) / f"worker-{worker.name}.log", os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600
        )
        for stream in (1, 2):
            os.dup2(log, stream)
        os.close(log)
    faulthandler.enable(file=2)
    logging.getLogger("distributed").setLevel(logging.WARNING)  # until here there was only the terminal
    # The terminal sends Ctrl-C to every process of the group; dying of it would look like a crash.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    # A lazy array computed inside a task would otherwise be sent back to the very cluster that runs the task.
    dask.config.set(scheduler="synchronous")
