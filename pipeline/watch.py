"""How far a training is, looked up while another process is at it."""

from __future__ import annotations

from contextlib import contextmanager
from threading import Event, Thread
from typing import TYPE_CHECKING

from storage.errors import StorageError

if TYPE_CHECKING:
    from collections.abc import Iterator

    from storage.workspace import Workspace

    from .outcome import Listener
    from .step import Step

#: Seconds between two looks.
EVERY = 2.0


@contextmanager
def watching(step: Step, workspace: Workspace, listener: Listener) -> Iterator[None]:
    """Tell a listener of a training's progress for the life of the context."""
    over = Event()

    def look() -> None:
        """Tell what is new every few seconds, until it is over."""
        last = None
        while not over.wait(EVERY):
            try:
                told = workspace.told()
            except StorageError:  # a look that fails is no failure of the training
                continue
            if told and told != last:
                listener.trained(step, told)
                last = told

    thread = Thread(target=look, name="watch", daemon=True)
    thread.start()
    try:
        yield
    finally:
        over.set()
        thread.join()
