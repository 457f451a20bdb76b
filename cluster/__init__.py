"""Who works: workers described, connected, checked against what tasks need, and given tasks to do.

Knows no array and no archive. Dask is loaded on connecting to it, not by this import.
"""

from __future__ import annotations

from cluster.collective import together
from cluster.config import chosen, configured, parse
from cluster.connect import connect
from cluster.dispatch import dispatch
from cluster.environment import environment_kept
from cluster.errors import (
    ClusterConfigError,
    ClusterError,
    ClusterLost,
    ClusterNotStarted,
    NeedUnmet,
    TaskFailed,
)
from cluster.kinds import (
    Address,
    ClusterConfig,
    Cuda,
    Gpu,
    Kubernetes,
    Local,
    SchedulerFile,
    Slurm,
    Ssh,
    Threads,
)
from cluster.needs import Need, check
from cluster.places import Seat, seat, seated
from cluster.preview import preview
from cluster.resident import Key, resident
from cluster.sizes import human, parse_bytes
from cluster.task import Result, Task
from cluster.telling import share_done
from cluster.wanted import Unwanted, wanted
from cluster.workers import Workers

__all__ = [
    "Address",
    "ClusterConfig",
    "ClusterConfigError",
    "ClusterError",
    "ClusterLost",
    "ClusterNotStarted",
    "Cuda",
    "Gpu",
    "Key",
    "Kubernetes",
    "Local",
    "Need",
    "NeedUnmet",
    "Result",
    "SchedulerFile",
    "Seat",
    "Slurm",
    "Ssh",
    "Task",
    "TaskFailed",
    "Threads",
    "Unwanted",
    "Workers",
    "check",
    "chosen",
    "configured",
    "connect",
    "dispatch",
    "environment_kept",
    "human",
    "parse",
    "parse_bytes",
    "preview",
    "resident",
    "seat",
    "seated",
    "share_done",
    "together",
    "wanted",
]
