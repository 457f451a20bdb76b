"""The one way to workers: a description in, workers out, everything closed at the end."""

from __future__ import annotations

from typing import TYPE_CHECKING

from cluster.errors import ClusterNotStarted
from cluster.kinds import Address, Local, SchedulerFile, Threads
from cluster.security import refuse_open_connection

if TYPE_CHECKING:
    from contextlib import AbstractContextManager

    from cluster.kinds import ClusterConfig
    from cluster.workers import Workers


def connect(config: ClusterConfig, *, insecure: bool = False) -> AbstractContextManager[Workers]:
    """Return a context manager that yields the workers a configuration describes.

    Parameters
    ----------
    config
        Which workers.
    insecure
        Allow an unencrypted connection to another machine.

    Raises
    ------
    ClusterConfigError
        At once, for an unencrypted connection to another machine.
    ClusterNotStarted
        On entering, where the workers can't be started or reached.

    Examples
    --------
    >>> from cluster import Task, Threads, connect, dispatch
    >>> tasks = [Task("a", abs, (-1,)), Task("b", abs, (2,))]
    >>> with connect(Threads(workers=2)) as workers:
    ...     sorted(result.value for result in dispatch(workers, tasks))
    [1, 2]
    """
    refuse_open_connection(config, insecure=insecure)
    if isinstance(config, Threads):
        from cluster.threads import connect_threads

        return connect_threads(config)
    if isinstance(config, Local):
        from cluster.local import connect_local

        return connect_local(config)
    if isinstance(config, Address | SchedulerFile):
        from cluster.address import connect_address

        return connect_address(config)
    raise ClusterNotStarted(f"a cluster of kind {config.kind!r} can be described, but not yet be started")
