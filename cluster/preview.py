"""What would be started, as text: nothing is started, submitted or connected to."""

from __future__ import annotations

from typing import TYPE_CHECKING

from cluster.kinds import Cuda, Kubernetes, Local, Slurm, Ssh, Threads
from cluster.security import address_of, open_connection
from cluster.sizes import human

if TYPE_CHECKING:
    from cluster.kinds import ClusterConfig


def preview(config: ClusterConfig) -> str:
    """Return the job script, the manifest, the commands or a sentence that says what would be started.

    Raises
    ------
    ClusterError
        Where starting it would fail for a reason that is seen beforehand.
    """
    if isinstance(config, Slurm):
        from cluster.slurm import script

        return script(config)
    if isinstance(config, Kubernetes):
        from cluster.kubernetes import text

        return text(config)
    if isinstance(config, Ssh):
        from cluster.ssh import commands

        return commands(config)
    if isinstance(config, Threads | Local):
        return _here(config)
    if isinstance(config, Cuda):
        from cluster.cuda import devices, members

        found = members(config, devices(config), "scratch")
        return "\n".join(_line(name, one["options"]) for name, one in found.items())
    warning = (
        "; that leaves this machine unencrypted, so a run needs --insecure" if open_connection(config) else ""
    )
    return f"would connect to {address_of(config)}, and leave it running{warning}"


def _here(config: Threads | Local) -> str:
    from cluster.machine import cores, memory

    if isinstance(config, Threads):
        threads = _several((config.workers or cores()) * config.threads, "thread")
        return f"{threads} of this process, {human(config.memory_bytes or memory())} of memory together"
    from cluster.local import processes

    count = processes(config.workers)
    threads, limit = _several(config.threads, "thread"), human(config.memory_bytes or memory() // count)
    return f"{_several(count, 'process', 'es')} on this machine, each with {threads} and {limit} of memory"


def _line(name: str, options: dict[str, object]) -> str:
    env = options["env"]
    device = env["CUDA_VISIBLE_DEVICES"] if isinstance(env, dict) else ""
    gpu = f"GPU {device}" if device else "no GPU"
    limit, threads = options["memory_limit"], _several(int(str(options["nthreads"])), "thread")
    memory = human(limit) if isinstance(limit, int) else str(limit)
    return f"{name}: a process on this machine, {threads}, {memory} of memory, {gpu}"


def _several(count: int, what: str, ending: str = "s") -> str:
    return f"{count} {what}{ending if count != 1 else ''}"
