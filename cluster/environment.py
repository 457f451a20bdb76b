"""The environment: what a worker finds in it before it loads any library, and what is taken back."""

from __future__ import annotations

import os
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from cluster.blas import THREADS

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

SPAWN = "distributed.nanny.pre-spawn-environ"
"""Where dask's nannies look for the variables of their workers."""
NANNY = 256 << 20
"""Bytes left to the process that watches over a worker, where both share a limit."""
MALLOC = {
    "MALLOC_MMAP_THRESHOLD_": 16 << 20,
    "MALLOC_TRIM_THRESHOLD_": 32 << 20,
    "MALLOC_ARENA_MAX": 1,
}
"""What glibc's malloc keeps for the next array, in bytes, and in how many arenas.

A nanny has it give back all above 64 KiB at once. Every chunk and temporary is then mapped and zeroed anew,
page by page: a third of a ridge's CPU time. With these, workers hold no more at their peak than they did.
"""

ALIKE = ("OPENBLAS_CORETYPE", "MKL_CBWR", "NPY_DISABLE_CPU_FEATURES")
"""By these users have unlike processors compute the same bits: workers elsewhere do as this process does."""


WATCHED = {
    "distributed.worker.profile.interval": "100ms",
    "distributed.admin.tick.interval": "200ms",
}
"""How often dask looks at itself in a worker: its own 10 and 20 ms take 3 % of a core, these a tenth."""


def variables() -> dict[str, str]:
    """Return what a worker's process finds, by the names of the variables."""
    names = ("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS")
    return {name: str(value) for name, value in {**dict.fromkeys(names, THREADS), **MALLOC}.items()}


def job_variables() -> dict[str, str]:
    """Return what a worker finds that is started elsewhere, where no setting of this process reaches it."""
    settings = {"distributed.comm.retry.count": "3", "distributed.comm.timeouts.connect": "30s", **WATCHED}
    alike = {name: os.environ[name] for name in ALIKE if name in os.environ}
    return {**variables(), **alike, **{variable_of(name): value for name, value in settings.items()}}


def variable_of(setting: str) -> str:
    """Return the variable of the environment that dask reads a setting from.

    >>> variable_of("distributed.scheduler.worker-ttl")
    'DASK_DISTRIBUTED__SCHEDULER__WORKER_TTL'
    """
    return f"DASK_{setting.replace('.', '__').replace('-', '_').upper()}"


def nanny_settings() -> dict[str, Any]:
    """Return settings of dask by which nannies of this process hand them to their workers."""
    found = {**variables(), "DASK_LOGGING__DISTRIBUTED": "critical"}
    return {f"{SPAWN}.{name}": value for name, value in found.items()}


@contextmanager
def environment_kept(names: Iterable[str]) -> Iterator[None]:
    """Take back what is written into some variables of the environment in the life of the context."""
    before = {name: os.environ.get(name) for name in names}
    try:
        yield
    finally:
        for name, value in before.items():
            os.environ.pop(name, None)
            if value is not None:
                os.environ[name] = value
