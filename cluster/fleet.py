"""Workers that we start, wherever they run: their scheduler is in this process, and they are kept up."""

from __future__ import annotations

import asyncio
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from importlib.util import find_spec
from time import monotonic, sleep
from typing import TYPE_CHECKING, Any

import dask
from distributed import Client, Nanny, Scheduler, SpecCluster

from cluster.client import DaskWorkers
from cluster.environment import WATCHED
from cluster.errors import ClusterNotStarted
from cluster.keeper import Keeper, Queue, first_line
from cluster.security import LOOPBACK

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from distributed import Security

GRACE = 30.0
"""Seconds to wait for the last workers once there is one of each sort; who comes later helps from then on."""
LOOK = 10.0
"""Seconds between two looks for workers that hang, at most.

Dask looks every `worker-ttl`, so that one that hangs soon after a look is given up after twice that time.
"""
REMIND = 30.0
"""Seconds between two words about what is waited for."""
SETTINGS: dict[str, Any] = {
    # A worker that stops answering is given up after two minutes, not five; a call that holds the GIL is not.
    "distributed.scheduler.worker-ttl": "120s",
    "distributed.scheduler.allowed-failures": 3,
    # Dask's own default is to wait for ever for a worker that fits.
    "distributed.scheduler.no-workers-timeout": "60s",
    # Of many tasks a worker has one a thread, and is given the next when one has ended: its death then casts
    # suspicion on few. Dask does so for tasks without conditions only; those for GPUs are queued at workers.
    "distributed.scheduler.worker-saturation": 1.0,
    "distributed.comm.retry.count": 3,
    "distributed.comm.timeouts.connect": "30s",
    # On a busy machine a nanny needs more than dask's 15 s to start a worker again; after them it is closed.
    "distributed.deploy.lost-worker-timeout": "120s",
    **WATCHED,
}


@dataclass(frozen=True)
class Plan:
    """What to start.

    Parameters
    ----------
    kind
        Of the cluster, for messages.
    members
        What starts each worker, by the worker's name ("cpu-0", "gpu-0"), see `Keeper`.
    queue, logs
        See `Keeper`.
    wait
        Seconds until there has to be a worker of each sort.
    security
        Keys, where connections are encrypted.
    scheduler
        Options of `distributed.Scheduler`.
    """

    kind: str
    members: Mapping[str, dict[str, Any]]
    queue: Queue
    logs: Callable[[str], str]
    wait: float
    security: Security | None = None
    scheduler: Mapping[str, Any] = field(default_factory=dict)


@contextmanager
def running(plan: Plan, tell: Callable[[str], object] | None = None) -> Iterator[DaskWorkers]:
    """Start what is planned, wait for workers, and keep them up for the life of the context.

    Raises
    ------
    ClusterNotStarted
        If a sort of workers does not come, saying how those stand that were asked for.
    """
    with ExitStack() as stack:
        settings = {**SETTINGS, "distributed.scheduler.no-workers-timeout": f"{max(60, plan.wait):.0f}s"}
        stack.enter_context(dask.config.set(settings))
        cluster = stack.enter_context(ended(_scheduler(plan)))
        look_often(cluster)
        client = stack.enter_context(Client(cluster, set_as_default=False))
        keeper = Keeper(cluster, plan.members, plan.queue, plan.logs, plan.wait)
        stack.callback(keeper.stop)
        keeper.start()
        _wait(keeper, plan, tell)
        dashboard = cluster.dashboard_link if find_spec("bokeh") else None
        address = cluster.scheduler_address
        yield DaskWorkers(client, plan.kind, address, plan.logs, dashboard, keeper=keeper, wait=plan.wait)


def _scheduler(plan: Plan) -> SpecCluster:
    options = {
        "protocol": "tls" if plan.security else "tcp",
        "security": plan.security,
        "dashboard": find_spec("bokeh") is not None,
        "dashboard_address": f"{LOOPBACK}:0",  # it knows no password; who is elsewhere comes through ssh
        "port": 0,
        **plan.scheduler,
    }
    try:
        return SpecCluster(
            scheduler={"cls": Scheduler, "options": options}, security=plan.security, name="vox2pix"
        )
    except Exception as error:
        raise ClusterNotStarted(
            f"the scheduler of the {plan.kind!r} cluster could not be started: {first_line(error)}"
        ) from error


def look_often(cluster: SpecCluster) -> None:
    """Have the scheduler of a cluster of this process look for workers that hang every `LOOK` seconds."""
    cluster.sync(_look_often, cluster.scheduler)


async def _look_often(scheduler: Any) -> None:
    looking = scheduler.periodic_callbacks["worker-ttl"]
    looking.stop()
    looking.callback_time = min(1000 * LOOK, looking.callback_time)
    looking.start()


@contextmanager
def ended(cluster: SpecCluster) -> Iterator[SpecCluster]:
    """Close a cluster after the context; when something went wrong inside, don't wait for running tasks."""
    try:
        yield cluster
    except BaseException:
        cluster.sync(stop_nannies, cluster)
        raise
    finally:
        cluster.close()


async def stop_nannies(cluster: SpecCluster) -> None:
    """End the worker processes of this machine without waiting for their running tasks to end."""
    members = {*cluster.workers.values(), *cluster._created}  # noqa: SLF001  (those that are starting)
    nannies = [member for member in members if isinstance(member, Nanny)]
    await asyncio.gather(*(nanny.close(timeout=0.5) for nanny in nannies), return_exceptions=True)


def _wait(keeper: Keeper, plan: Plan, tell: Callable[[str], object] | None) -> None:
    """Wait for all workers, or a while longer once there is one of each sort."""
    began = reminded = monotonic()
    enough: float | None = None
    while (there := keeper.present()) < set(plan.members):
        if keeper.failure is not None:
            raise keeper.failure
        missing = _sorts(plan.members) - _sorts(there)
        if missing:
            enough = None
        elif enough is None:
            enough = monotonic()
        elif monotonic() - enough > GRACE:
            return
        if missing and monotonic() - began > plan.wait:
            raise ClusterNotStarted(_not_come(keeper, plan, sorted(missing)))
        if tell and monotonic() - reminded > REMIND:
            reminded = monotonic()
            told = f": {keeper.told}" if keeper.told else ""
            tell(f"{len(there)} of {len(plan.members)} workers of the {plan.kind!r} cluster are there{told}")
        sleep(0.1)


def _sorts(names: Any) -> set[str]:
    return {name.split("-", 1)[0] for name in names}


def _not_come(keeper: Keeper, plan: Plan, missing: list[str]) -> str:
    told = keeper.told or "nothing is known of them"
    return (
        f"no {' and no '.join(missing)} worker of the {plan.kind!r} cluster has come within {plan.wait:g} s "
        f"({told}); raise wait in [cluster], or ask for less"
    )
