"""What one worker of a cluster could use, told before the cluster is started."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from cluster import ClusterConfig
    from pipeline.recipe import Recipe


def cluster_of(recipe: Recipe, value: str | None = None) -> ClusterConfig:
    """Return the cluster that the command line names, else the recipe's, else the default."""
    from cluster import ClusterConfig, parse

    return ClusterConfig(**recipe.cluster) if value is None else parse(value)


def worker_memory(config: ClusterConfig) -> int | None:
    """Return the bytes a task may be estimated at on a worker; None where only the cluster knows."""
    from cluster.machine import cores, memory
    from cluster.needs import SHARE

    if config.kind == "address":
        return None
    alike = 1 if config.kind == "threads" else config.workers or cores()
    return int(SHARE * (config.memory_bytes or memory() // alike))
