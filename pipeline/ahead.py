"""One step ahead: while something is worked on, a thread fetches what comes next."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from contextvars import copy_context
from typing import TYPE_CHECKING, Any, TypeVar

if TYPE_CHECKING:
    from collections.abc import Generator, Iterable

Item = TypeVar("Item")
_END = object()


def ahead(items: Iterable[Item]) -> Generator[Item]:
    """Yield the items of an iterable, the next one fetched by a thread while one is worked on.

    Never more than one ahead: with the one being worked on, two are held. What the iterable raises is raised
    here, in its place in the order.
    """
    source, context = iter(items), copy_context()

    def fetch() -> Any:
        return context.run(next, source, _END)

    with ThreadPoolExecutor(1, thread_name_prefix="ahead") as thread:
        coming = thread.submit(fetch)
        while (item := coming.result()) is not _END:
            coming = thread.submit(fetch)
            yield item
            del item
