"""A process's place among those that do one task together."""

from __future__ import annotations

import threading
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterator

MEET = 120.0
"""Seconds that may pass until all have sat down."""


@dataclass(frozen=True, slots=True)
class Seat:
    """One process's place among those that do a task together.

    Parameters
    ----------
    rank
        From 0; the first one writes what they make.
    size
        How many they are.
    host
        Address of the first one's machine, as the scheduler knows it.
    meeting
        Path of a file they can all use, where all are on one machine; else a name.
    shared
        Whether all are on one machine.
    """

    rank: int = 0
    size: int = 1
    host: str = "127.0.0.1"
    meeting: str = ""
    shared: bool = True

    def publish(self, port: int) -> None:
        """Tell the others the port that the first one has opened on its machine."""
        self._port().set(port)

    def port(self) -> int:
        """Return the port that the first one has opened, waiting for it."""
        found: int = self._port().get(timeout=MEET)
        return found

    def _port(self) -> Any:
        from distributed import Variable, get_client

        return Variable(self.meeting, client=get_client())


class _Here(threading.local):
    seat = Seat()


_here = _Here()


def seat() -> Seat:
    """Return this call's place among those it was made with: the only one, outside of `together`."""
    return _here.seat


@contextmanager
def seated(place: Seat) -> Iterator[None]:
    """Let `seat` answer so for the life of the context, in this thread."""
    before, _here.seat = _here.seat, place
    try:
        yield
    finally:
        _here.seat = before
