"""What a dask scheduler knows of each of its workers, read."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping

AT_WORK = ("executing", "long-running", "cancelled")
"""States of a worker's task that still runs."""


def has_gpu(worker: Mapping[str, Any]) -> bool:
    """Tell whether a worker has a GPU."""
    return bool((worker.get("resources") or {}).get("GPU"))


def is_stuck(worker: Mapping[str, Any]) -> bool:
    """Tell whether a worker begins no task and has none to end: memory will not become free."""
    counts = worker.get("metrics", {}).get("task_counts", {})
    return worker.get("status") == "paused" and not any(map(counts.get, AT_WORK))
