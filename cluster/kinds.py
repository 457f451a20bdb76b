"""The kinds of clusters, each with the keys it takes: one model a kind, told apart by `kind`."""

from __future__ import annotations

from typing import Annotated, Any, Literal, get_args

from pydantic import BaseModel, Field, TypeAdapter, field_validator

from cluster.endpoint import split_address
from cluster.workforce import Count, Keys, Limited, Sized


class Gpu(Limited):
    """Workers that have a GPU: processes of one thread, each with a GPU of its own.

    Parameters
    ----------
    workers
        How many; for ``ssh`` on each host, for ``cuda`` by default all GPUs that CUDA_VISIBLE_DEVICES leaves.
    memory
        Limit a worker, of the machine's memory; default that of the others.
    options
        What differs from the options of the other workers.
    """

    workers: Count | None = None


class Threads(Sized):
    """Threads of this process; `options` for `concurrent.futures.ThreadPoolExecutor`.

    By default one a core. `memory` is of all together.
    """

    kind: Literal["threads"] = "threads"
    ours = frozenset({"max_workers", "initializer", "initargs"})


class Local(Sized):
    """Processes on this machine; `options` for `distributed.LocalCluster`.

    By default one a core, and for each an equal share of the machine's memory.
    """

    kind: Literal["local"] = "local"
    ours = frozenset({
        "dashboard_address", "host", "interface", "ip", "memory_limit", "n_workers", "processes", "protocol",
        "scheduler_kwargs", "threads_per_worker", "worker_dashboard_address",
    })  # fmt: skip


class Cuda(Sized):
    """Processes on this machine, one a GPU and others without one; `options` for `distributed.Nanny`.

    Parameters
    ----------
    gpu
        The workers with a GPU. `workers` are those without, by default one a core that is left.
    """

    kind: Literal["cuda"] = "cuda"
    ours = frozenset({"dashboard_address", "host", "interface", "memory_limit", "name", "nthreads"})
    gpu: Gpu = Field(default_factory=Gpu)


class _Distant(Sized):
    """Workers on other machines; the scheduler runs in this process.

    Parameters
    ----------
    gpu
        Workers with a GPU, beside the others.
    wait
        Seconds to wait for a worker.
    encryption
        TLS with keys made for this cluster alone. Without, whoever reaches the port can run code.
    """

    gpu: Gpu | None = None
    wait: float = Field(default=60.0, gt=0)
    encryption: bool = True


class Slurm(_Distant):
    """Jobs of a SLURM cluster; `options` for `dask_jobqueue.slurm.SLURMJob`.

    Parameters
    ----------
    workers
        Jobs, of one worker each. Default 1.
    memory
        What each job asks for.
    folder
        A folder that this machine and the nodes share, for keys and logs; default the home's cache folder.
    """

    kind: Literal["slurm"] = "slurm"
    ours = frozenset({
        "cores", "job_name", "log_directory", "memory", "name", "nanny", "processes", "protocol", "scheduler",
        "security", "shared_temp_directory", "worker_command",
    })  # fmt: skip
    wait: float = Field(default=600.0, gt=0)
    folder: str | None = None


class Ssh(_Distant):
    """Processes on machines that are reached by ssh; for `options` see `cluster.ssh.OPTIONS`.

    Parameters
    ----------
    hosts
        Names of the machines.
    workers
        Workers on each. Default 1.
    """

    kind: Literal["ssh"] = "ssh"
    ours = frozenset({"hosts", "worker_class"})
    hosts: tuple[Annotated[str, Field(min_length=1)], ...] = Field(min_length=1)


class Kubernetes(Sized):
    """Pods of a Kubernetes cluster; `options` for `dask_kubernetes.operator.make_cluster_spec`.

    Parameters
    ----------
    workers
        Pods. Default 1.
    gpu
        Pods with a GPU, beside the others.
    secret
        The Kubernetes secret with the keys of TLS (ca.crt, tls.crt, tls.key), mounted in each pod.
    """

    kind: Literal["kubernetes"] = "kubernetes"
    ours = frozenset({"n_workers"})
    gpu: Gpu | None = None
    secret: str = Field(default="vox2pix-tls", min_length=1)


class Address(Keys):
    """A dask scheduler that somebody else runs; `options` for `distributed.Client`.

    Parameters
    ----------
    address
        ``tcp://HOST:PORT`` or ``tls://HOST:PORT``.
    """

    kind: Literal["address"] = "address"
    ours = frozenset({"address", "asynchronous", "set_as_default"})
    address: str
    options: dict[str, Any] = Field(default_factory=dict)

    @field_validator("address")
    @classmethod
    def _address_is_complete(cls, value: str) -> str:
        split_address(value)
        return value


class SchedulerFile(Keys):
    """A dask scheduler that somebody else runs, found by its file; `options` for `distributed.Client`.

    Parameters
    ----------
    file
        What ``dask scheduler --scheduler-file`` has written.
    """

    kind: Literal["scheduler-file"] = "scheduler-file"
    ours = frozenset({"address", "asynchronous", "scheduler_file", "set_as_default"})
    file: str = Field(min_length=1)
    options: dict[str, Any] = Field(default_factory=dict)


ClusterConfig = Annotated[
    Threads | Local | Cuda | Slurm | Kubernetes | Ssh | Address | SchedulerFile, Field(discriminator="kind")
]
"""Who works: one of the kinds."""

MODELS: dict[str, type[BaseModel]] = {
    model.model_fields["kind"].default: model for model in get_args(get_args(ClusterConfig)[0])
}
"""The model of each kind, by its name."""

THEIRS = frozenset({"address", "scheduler-file"})
"""The kinds that somebody else runs."""

_adapter: TypeAdapter[ClusterConfig] = TypeAdapter(ClusterConfig)


def described(table: dict[str, Any]) -> ClusterConfig:
    """Return the cluster that a table describes; ``local`` where it names no kind.

    Raises
    ------
    pydantic.ValidationError
        Where it describes none.
    """
    return _adapter.validate_python({"kind": "local", **table})
