"""The one way to workers: a description in, workers out, everything closed at the end."""

from __future__ import annotations

from typing import TYPE_CHECKING

from cluster.config import refuse_open_connection

if TYPE_CHECKING:
    from contextlib import AbstractContextManager

    from cluster.config import ClusterConfig
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
    >>> from cluster import ClusterConfig, Task, connect, dispatch
    >>> tasks = [Task("a", abs, (-1,)), Task("b", abs, (2,))]
    >>> with connect(ClusterConfig(kind="threads", workers=2)) as workers:
    ...     sorted(result.value for result in dispatch(workers, tasks))
    [1, 2]
    """
    refuse_open_connection(config, insecure=insecure)
    if config.kind == "threads":
        from cluster.threads import connect_threads

        return connect_threads(config)
    if config.kind == "local":
        from cluster.local import connect_local

        return connect_local(config)
    from cluster.address import connect_address

    return connect_address(config)
