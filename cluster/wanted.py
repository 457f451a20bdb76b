"""Whether what a task makes is still wanted.

A thread can't be stopped, nor can a task on somebody else's worker. So one that takes long asks now and then.
"""

from __future__ import annotations

import threading
from contextlib import contextmanager
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator


class Unwanted(Exception):
    """A task ends early, because nobody waits for it any more."""


def _always() -> bool:
    return True


class _Here(threading.local):
    answer: Callable[[], bool] = staticmethod(_always)


_here = _Here()


def wanted() -> bool:
    """Tell whether somebody still waits for what this thread's task makes; outside of a task it is so."""
    return _here.answer()


@contextmanager
def answering(answer: Callable[[], bool]) -> Iterator[None]:
    """Let `wanted` answer so for the life of the context, in this thread."""
    before, _here.answer = _here.answer, answer
    try:
        yield
    finally:
        _here.answer = before
