"""What one worker of a cluster could use, told before the cluster is started."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from cluster import ClusterConfig
    from pipeline.recipe import Recipe


def cluster_of(recipe: Recipe | None, value: str | None = None) -> ClusterConfig:
    """Return the cluster that the command line names, else the recipe's, else dask's configuration's."""
    from cluster import chosen

    return chosen(value, recipe.cluster if recipe else {})


def worker_memory(config: ClusterConfig) -> int | None:
    """Return the bytes a task may be estimated at on a worker; None where only the cluster knows."""
    from cluster import Local, Threads
    from cluster.machine import cores, memory
    from cluster.needs import SHARE

    limit = getattr(config, "memory_bytes", None)
    if limit is None and isinstance(config, Threads | Local):
        limit = memory() // (1 if isinstance(config, Threads) else config.workers or cores())
    return None if limit is None else int(SHARE * limit)
