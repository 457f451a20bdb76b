"""A folder for one cluster's keys and logs: this user's alone, gone afterwards unless a log was named.

A process that is killed leaves its folder. Who comes next on that machine takes away what it held for its
workers: the folder says by a lock whether its process lives.
"""

from __future__ import annotations

import fcntl
import os
import shutil
import socket
import tempfile
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from cluster.errors import ClusterNotStarted

if TYPE_CHECKING:
    from collections.abc import Iterator

PREFIX = "vox2pix-workers-"
HELD = "held"
"""A file of the folder, locked while its process lives; it holds the machine's name."""


@dataclass
class Logs:
    """The folder of the workers' logs; kept once a message has named one of them.

    Parameters
    ----------
    folder
        Where they are.
    pattern
        The name of a worker's log, with `{name}` for the worker's; it may hold `*`.
    """

    folder: Path
    pattern: str = "worker-{name}.log"
    named: bool = False

    def __call__(self, name: str) -> str:
        """Return the path of a worker's log: the newest, where it was started several times."""
        self.named = True
        pattern = self.pattern.format(name=name)
        found = sorted(self.folder.glob(pattern), key=lambda path: path.stat().st_mtime)
        return str(found[-1] if found else self.folder / pattern)


@contextmanager
def log_folder(parent: Path | None = None, pattern: str = Logs.pattern) -> Iterator[Logs]:
    """Make a folder for the life of the context; what is in its `scratch` and `keys` is gone afterwards.

    Parameters
    ----------
    parent
        The folder to make it in, made where it is missing; default the temporary folder.
    pattern
        See `Logs`.

    Raises
    ------
    ClusterNotStarted
        Where it can't be made.
    """
    try:
        if parent is not None:
            parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        _tidy(parent or Path(tempfile.gettempdir()))
        logs = Logs(Path(tempfile.mkdtemp(prefix=PREFIX, dir=parent)), pattern)
    except OSError as error:
        raise not_made(parent or Path("the temporary folder"), error) from error
    try:
        with _held(logs.folder):  # also while it is emptied: who is killed meanwhile is tidied up after
            try:
                yield logs
            finally:
                _empty(logs.folder)
    finally:
        if not logs.named:
            shutil.rmtree(logs.folder, ignore_errors=True)


def _empty(folder: Path) -> None:
    for inside in ("scratch", "keys"):
        shutil.rmtree(folder / inside, ignore_errors=True)


@contextmanager
def _held(folder: Path) -> Iterator[None]:
    """Lock a folder; where that can't be, nobody will take it for one whose process is gone."""
    path = folder / HELD
    with ExitStack() as stack:
        with suppress(OSError):  # no room, or a file system without locks
            # buffered, what finds no room would be told when the file is closed
            file = stack.enter_context(path.open("xb", buffering=0))
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            file.write(socket.gethostname().encode())
        try:
            yield
        finally:
            with suppress(OSError):
                path.unlink()


def _tidy(parent: Path) -> None:
    """Empty the folders of this machine's processes that were killed; their logs stay."""
    for path in parent.glob(f"{PREFIX}*/{HELD}"):
        with suppress(OSError), path.open() as file:  # another's, or held
            if file.read() == socket.gethostname():
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
                _empty(path.parent)
                path.unlink()


def not_made(place: Path, error: OSError) -> ClusterNotStarted:
    """Return what to raise where keys and logs can't be written."""
    return ClusterNotStarted(
        f"the workers' keys and logs could not be written in {place} ({error.strerror or error}); make room "
        "or mend the permissions there, or name another place (TMPDIR; for 'slurm' folder in [cluster])"
    )


def cache_home() -> Path:
    """Return this user's folder for what can be made anew; on a cluster's nodes usually the same."""
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "vox2pix"
