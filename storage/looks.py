"""What object stores say of files and folders, asked once by whoever looks around."""

from __future__ import annotations

import threading
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import nullcontext, suppress
from functools import partial
from typing import TYPE_CHECKING, Any, Self, TypeVar

from .errors import Missing, StorageError
from .transfer import traffic

if TYPE_CHECKING:
    from collections.abc import Callable, Hashable

Answer = TypeVar("Answer")

AT_ONCE = 32
"""Looks at once: a store takes 20 ms to answer, however many ask."""


class Looks:
    """Within this context a thread asks no store twice for the same size, etag or listing.

    A plan asks a source for identity, etags, shapes and readers in turn, and each begins with the same few
    files, 20 ms each. What they are told is of one moment; so whoever must notice that a file changes
    asks outside. Copies that travel to other processes know nothing. May be entered by several threads, and
    again within itself.
    """

    def __init__(self) -> None:
        self._answers: dict[Hashable, Future[Any]] = {}
        self._lock = threading.Lock()

    def __reduce__(self) -> tuple[type[Looks], tuple[()]]:
        return Looks, ()

    def __enter__(self) -> Self:
        _here.entered.append(self)
        return self

    def __exit__(self, *_: object) -> None:
        _here.entered.pop()

    def answer(self, question: Hashable, ask: Callable[[], Answer]) -> Answer:
        """Return the answer to a question: the first to ask asks the store, others wait for what he hears."""
        with self._lock:
            asked = self._answers.get(question)
            found: Future[Answer] = self._answers.setdefault(question, Future())
        if asked is None:
            try:
                found.set_result(ask())
            except Missing as told:  # an answer too
                found.set_exception(told)
            except BaseException as fault:  # noqa: BLE001  (raised below, by all who wait)
                del self._answers[question]
                found.set_exception(fault)
        return found.result()

    def told(self, question: Hashable, answer: object) -> None:
        """Keep an answer that another one held, where there is none yet."""
        found: Future[Any] = Future()
        found.set_result(answer)
        with self._lock:
            self._answers.setdefault(question, found)


class _Here(threading.local):
    """The contexts that this thread is in, the innermost last."""

    def __init__(self) -> None:
        self.entered: list[Looks] = []


_here = _Here()


def once(question: Hashable, ask: Callable[[], Answer]) -> Answer:
    """Return what `ask` returns; within `Looks`, what it returned to whoever asked the same before."""
    return _here.entered[-1].answer(question, ask) if _here.entered else ask()


def told(question: Hashable, answer: object) -> None:
    """Within `Looks`, keep what came with the answer to another question."""
    if _here.entered:
        _here.entered[-1].told(question, answer)


def together(*asks: Callable[[], Answer]) -> list[Answer]:
    """Return what each returns, in order, having asked all at once; the first that fails is told."""
    around = _here.entered[-1] if _here.entered else nullcontext()

    def look(ask: Callable[[], Answer]) -> Answer:
        with around:
            return ask()

    if len(asks) < 2:
        return [ask() for ask in asks]
    count = min(len(asks), AT_ONCE)
    with ThreadPoolExecutor(count, "vox2pix-look", traffic.join, (traffic.account,)) as pool:
        return list(pool.map(look, asks))


def ahead(*asks: Callable[[], object]) -> None:
    """Within `Looks`, ask all of these at once, for whoever asks after, who is told what is wrong."""

    def look(ask: Callable[[], object]) -> None:
        with suppress(StorageError):
            ask()

    if _here.entered:
        together(*(partial(look, ask) for ask in asks))
