"""How much of a running task is done: said where it runs, heard by who dispatched it."""

from __future__ import annotations

from contextlib import contextmanager
from contextvars import ContextVar
from time import monotonic
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

EVERY = 1.0
"""Seconds between two words of a task, at least."""


class _Teller:
    """Passes on what a task says, now and then."""

    def __init__(self, tell: Callable[[float], object]) -> None:
        self.tell = tell
        self.last = monotonic()

    def __call__(self, share: float) -> None:
        now = monotonic()
        if now - self.last >= EVERY:
            self.last = now
            self.tell(share)


_TELLER: ContextVar[_Teller | None] = ContextVar("teller", default=None)


@contextmanager
def telling(tell: Callable[[float], object]) -> Iterator[None]:
    """Have shares that are said inside the context, by one task, passed on."""
    token = _TELLER.set(_Teller(tell))
    try:
        yield
    finally:
        _TELLER.reset(token)


def share_done(share: float) -> None:
    """Say how much of the task that runs here is done.

    Parameters
    ----------
    share
        From 0 to 1. Outside a task nobody hears it.
    """
    teller = _TELLER.get()
    if teller is not None:
        teller(share)
