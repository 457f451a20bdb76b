"""What a task needs, and whether any worker can ever give it: asked before anything is submitted."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from cluster.errors import NeedUnmet
from cluster.resident import check_fits
from cluster.sizes import human

if TYPE_CHECKING:
    from collections.abc import Mapping

    from cluster.workers import Workers

SHARE = 0.9
"""Share of a worker's limit that a task may be estimated at; the rest is for the interpreter."""


@dataclass(frozen=True, slots=True)
class Need:
    """What a task needs of the worker that does it.

    Parameters
    ----------
    memory
        Estimated peak, in bytes; 0 if nothing is known.
    gpu
        Whether it must run on a worker that has a GPU.
    resident
        Bytes of the model that stays in the worker, part of `memory`.
    """

    memory: int = 0
    gpu: bool = False
    resident: int = 0


def check(workers: Workers, needs: Mapping[str, Need]) -> None:
    """Refuse tasks that no worker could ever do; dask alone would wait for ever.

    Parameters
    ----------
    workers
        The connected workers.
    needs
        Need of each task, by its key.

    Raises
    ------
    NeedUnmet
        With the first such task, what it needs, what there is, and what to change.
    """
    for key, need in needs.items():
        if need.gpu and not workers.gpus:
            raise NeedUnmet(
                f"task {key!r} needs a GPU, and no worker of the {workers.kind!r} cluster has one; "
                "use a cluster whose workers are started with --resources GPU=1"
            )
        if workers.ceiling is not None and need.memory > SHARE * workers.ceiling:
            raise NeedUnmet(_too_large(key, need.memory, workers.ceiling, workers.kind))
        check_fits(f"of task {key!r}", need.resident, workers.ceiling)


def _too_large(key: str, wanted: int, limit: int, kind: str) -> str:
    cure = {
        "local": "raise memory or lower workers in [cluster]",
        "threads": "raise memory in [cluster], or use a machine with more",
    }.get(kind, "connect to workers started with a higher --memory-limit")
    return (
        f"task {key!r} needs about {human(wanted)} of memory, and the largest worker may use "
        f"{human(SHARE * limit)} ({SHARE:.0%} of its limit of {human(limit)}); {cure}"
    )
