"""Torch on one thread, as every task has: bits must not depend on how many cores a worker has."""

from __future__ import annotations

from contextlib import contextmanager
from threading import Lock
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

_lock = Lock()
_inside: list[int] = []


@contextmanager
def one_thread() -> Iterator[None]:
    """Let torch have one thread; the last of those who asked for it gives it back what it had."""
    import torch

    with _lock:
        if not _inside:
            _inside.append(torch.get_num_threads())
        _inside.append(1)
        torch.set_num_threads(1)
    try:
        yield
    finally:
        with _lock:
            _inside.pop()
            if len(_inside) == 1:
                torch.set_num_threads(_inside.pop())
