"""What a dask scheduler notes while tasks are done: those that workers took with them, and its own report."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from distributed import Client

    from cluster.workers import Workers


def noted(workers: Workers) -> float:
    """Return the time, by the scheduler's clock, of what it noted last; 0 where there is no scheduler."""
    return max((when for when, _ in _events(workers)), default=0.0)


def lost(workers: Workers, since: float) -> list[str]:
    """Return the tasks that workers had when they went away, since a time that `noted` returned.

    Dask gives them to other workers; a task that was lost twice is there twice.
    """
    client = getattr(workers, "client", None)
    died = [] if client is None else deaths(client)
    return [str(key) for when, had in died if when > since for key in had]


def died_alone(client: Client, key: str) -> bool:
    """Tell whether most of the workers that died with a task had no other."""
    had = [set(tasks) for _, tasks in deaths(client)]
    return 2 * sum(tasks == {key} for tasks in had) > sum(key in tasks for tasks in had)


def deaths(client: Client) -> list[tuple[float, tuple[str, ...]]]:
    """Return when workers went away, by the scheduler's clock, and the tasks that they had then."""
    try:
        events = client.get_events("all") or ()
    except OSError:
        return []
    return [
        (when, tuple(event.get("processing-tasks", ())))
        for when, event in events
        if event.get("action") == "remove-worker"
    ]


def _events(workers: Workers) -> list[tuple[float, dict[str, Any]]]:
    client = getattr(workers, "client", None)
    return [] if client is None else list(client.get_events("all") or ())


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
