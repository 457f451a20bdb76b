"""A folder for one cluster's keys and logs: this user's alone, gone afterwards unless a log was named."""

from __future__ import annotations

import os
import shutil
import tempfile
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from cluster.errors import ClusterNotStarted

if TYPE_CHECKING:
    from collections.abc import Iterator


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
    """Make a folder for the life of the context; what is in its `scratch` and `keys` never outlives it.

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
        logs = Logs(Path(tempfile.mkdtemp(prefix="vox2pix-workers-", dir=parent)), pattern)
    except OSError as error:
        raise not_made(parent or Path("the temporary folder"), error) from error
    try:
        yield logs
    finally:
        for inside in ("scratch", "keys"):
            shutil.rmtree(logs.folder / inside, ignore_errors=True)
        if not logs.named:
            shutil.rmtree(logs.folder, ignore_errors=True)


def not_made(place: Path, error: OSError) -> ClusterNotStarted:
    """Return what to raise where keys and logs can't be written."""
    return ClusterNotStarted(
        f"the workers' keys and logs could not be written in {place} ({error.strerror or error}); make room "
        "or mend the permissions there, or name another place (TMPDIR; for 'slurm' folder in [cluster])"
    )


def cache_home() -> Path:
    """Return this user's folder for what can be made anew; on a cluster's nodes usually the same."""
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "vox2pix"
