"""What a dask scheduler notes while tasks are done: those that workers took with them, and its own report."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from cluster.deaths import Deaths
    from cluster.workers import Workers


def noted(workers: Workers) -> int:
    """Return how many workers have died so far; 0 where there is no scheduler."""
    return len(getattr(workers, "deaths", ()))


def lost(workers: Workers, since: int) -> list[str]:
    """Return the tasks that workers had when they went away, since a number that `noted` returned.

    Dask gives them to other workers; a task that was lost twice is there twice.
    """
    deaths: Deaths | None = getattr(workers, "deaths", None)
    return [] if deaths is None else deaths.since(since)


@contextmanager
def performance_report(
    workers: Workers, path: Path | None, tell: Callable[[str], object] = lambda _: None
) -> Iterator[None]:
    """Have the scheduler write dask's performance report of what is done in the life of the context.

    Parameters
    ----------
    workers
        Who work; those without a scheduler write none.
    path
        The HTML file, which needs nothing but itself; None writes none.
    tell
        Called with a sentence where the scheduler can't write it, as one without bokeh.
    """
    client: Any = getattr(workers, "client", None)
    if client is None or path is None:
        yield
        return
    from distributed import performance_report as report

    with client.as_current():
        kept = report(filename=str(path), mode="inline")  # nothing from elsewhere when it is looked at
        kept.__enter__()
        yield
        try:
            kept.__exit__(None, None, None)
        except Exception as error:  # noqa: BLE001  (whatever a scheduler of another installation raises)
            tell(f"no performance report: {type(error).__name__}: {error}")
