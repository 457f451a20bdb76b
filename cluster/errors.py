"""What can go wrong with who works: one class a kind, each with the exit code of the command line.

Every message is one sentence or two: what was found, what was expected, what to do.
"""

from __future__ import annotations

from typing import ClassVar


class ClusterError(Exception):
    """Something about the workers went wrong."""

    exit_code: ClassVar[int] = 4
    kind: ClassVar[str] = "cluster"


class ClusterConfigError(ClusterError, ValueError):
    """The description of a cluster is wrong, or names a connection that is refused."""

    exit_code = 2
    kind = "cluster-config"


class ClusterNotStarted(ClusterError, ConnectionError):
    """The workers could not be started or reached."""

    kind = "cluster-not-started"


class ClusterLost(ClusterError, ConnectionError):
    """The workers were there and are gone."""

    kind = "cluster-lost"


class NeedUnmet(ClusterError):
    """No worker can ever give a task what it needs."""

    kind = "need-unmet"


class TaskFailed(ClusterError, RuntimeError):
    """A task failed, or killed its workers, in every try.

    Attributes
    ----------
    task
        Key of the task.
    log
        Where the log of the last worker is: a file, or a sentence.
    """

    exit_code = 1
    kind = "task-failed"
    task: str | None = None
    log: str | None = None
