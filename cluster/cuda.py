"""Worker processes on this machine, one for each of its GPUs, and others beside them without one.

A process has one GPU and one thread: two that share a GPU share its memory too, and a thread that reads files
beside one that computes is better off in a process that has no GPU.
"""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from distributed import Nanny

from cluster.devices import visible
from cluster.errors import ClusterNotStarted, NeedUnmet
from cluster.fleet import Plan, running
from cluster.local import nannies, processes
from cluster.logs import preloads
from cluster.machine import memory
from cluster.security import LOOPBACK

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from cluster.client import DaskWorkers
    from cluster.kinds import Cuda

WAIT = 120.0
"""Seconds until there has to be a worker of each sort."""


@contextmanager
def connect_cuda(config: Cuda, tell: Callable[[str], object] | None = None) -> Iterator[DaskWorkers]:
    """Run a worker a GPU, and others, for the life of the context."""
    chosen = devices(config)
    with nannies() as logs:
        scratch = str(logs.folder / "scratch")
        plan = Plan(
            "cuda", members(config, chosen, scratch), _Here(), logs, WAIT, scheduler={"host": LOOPBACK}
        )
        with running(plan, tell) as workers:
            yield workers


def devices(config: Cuda) -> list[str]:
    """Return what CUDA calls the GPUs to use.

    Raises
    ------
    ClusterNotStarted
        Where there is no driver, or no GPU may be used.
    NeedUnmet
        Where there are fewer than asked for.
    """
    found = visible()
    if found is None:
        raise ClusterNotStarted(
            "no NVIDIA driver was found here (nvidia-smi is missing or is silent); use --cluster local, or a "
            "machine with a GPU"
        )
    if not found:
        raise ClusterNotStarted("CUDA_VISIBLE_DEVICES leaves no GPU to use; unset it, or use --cluster local")
    if (config.gpu.workers or 0) > len(found):
        raise NeedUnmet(
            f"[cluster.gpu] workers = {config.gpu.workers}, and there are {len(found)} GPUs to use "
            f"({', '.join(found)}); lower it, one process has one GPU"
        )
    return found[: config.gpu.workers]


def members(config: Cuda, chosen: list[str], scratch: str) -> dict[str, dict[str, Any]]:
    """Return what starts each worker: those without a GPU, and one for each GPU."""
    plain = processes(config.workers, len(chosen))
    share = memory() // (plain + len(chosen))
    found: dict[str, dict[str, Any]] = {}
    for number in range(plain):
        found[f"cpu-{number}"] = {
            "nthreads": config.threads,
            "memory_limit": config.memory_bytes or share,
            **_options(scratch, config.options, ""),
        }
    for number, device in enumerate(chosen):
        given = {**config.options, **config.gpu.options}
        found[f"gpu-{number}"] = {
            "nthreads": 1,
            "memory_limit": config.gpu.memory_bytes or config.memory_bytes or share,
            **_options(scratch, given, device),
            "resources": {**given.get("resources", {}), "GPU": 1},
        }
    return {name: {"cls": Nanny, "options": options} for name, options in found.items()}


def _options(scratch: str, given: Mapping[str, Any], device: str) -> dict[str, Any]:
    """Return the user's options, and ours before or beside them; a process sees no GPU but its own."""
    return {
        "host": LOOPBACK,
        "dashboard_address": f"{LOOPBACK}:0",
        "local_directory": scratch,
        **given,
        "preload": preloads(given.get("preload", ())),
        "env": {**given.get("env", {}), "CUDA_VISIBLE_DEVICES": device},
    }


class _Here:
    """A nanny of this process starts its worker again by itself."""

    async def states(self, members: Mapping[str, Any]) -> dict[str, str]:
        return {name: f"{name} is {nanny.status.name}" for name, nanny in members.items()}
