"""The one way to workers: a description in, workers out, everything closed at the end."""

from __future__ import annotations

from typing import TYPE_CHECKING

from cluster.errors import ClusterNotStarted
from cluster.kinds import Cuda, Kubernetes, Local, Slurm, Ssh, Threads
from cluster.security import refuse_open_connection

if TYPE_CHECKING:
    from collections.abc import Callable
    from contextlib import AbstractContextManager

    from cluster.kinds import ClusterConfig
    from cluster.workers import Workers


def connect(
    config: ClusterConfig, *, insecure: bool = False, tell: Callable[[str], object] | None = None
) -> AbstractContextManager[Workers]:
    """Return a context manager that yields the workers a configuration describes.

    Parameters
    ----------
    config
        Which workers.
    insecure
        Allow an unencrypted connection to another machine.
    tell
        Called with a sentence now and then while workers are waited for.

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
    if isinstance(config, Cuda):
        from cluster.cuda import connect_cuda

        return connect_cuda(config, tell)
    if isinstance(config, Slurm):
        from cluster.slurm import connect_slurm

        return connect_slurm(config, tell)
    if isinstance(config, Ssh):
        from cluster.ssh import connect_ssh

        return connect_ssh(config, tell)
    if isinstance(config, Kubernetes):
        raise ClusterNotStarted(
            "pods are not started by vox2pix itself: `vox2pix cluster check kubernetes` prints the manifest "
            "for kubectl, and what to give as --cluster then"
        )
    from cluster.address import connect_address

    return connect_address(config)
