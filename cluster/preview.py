"""What would be started, as text: nothing is started, submitted or connected to."""

from __future__ import annotations

from typing import TYPE_CHECKING

from cluster.kinds import Cuda, Kubernetes, Local, Slurm, Ssh, Threads
from cluster.security import address_of
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
    return f"would connect to {address_of(config)}, and leave it running"


def _here(config: Threads | Local) -> str:
    from cluster.machine import cores, memory

    count = config.workers or cores()
    if isinstance(config, Threads):
        limit = f"{human(config.memory_bytes or memory())} of memory together"
        return f"{count * config.threads} threads of this process, {limit}"
    each = human(config.memory_bytes or memory() // count)
    return f"{count} processes on this machine, each with {config.threads} threads and {each} of memory"


def _line(name: str, options: dict[str, object]) -> str:
    env = options["env"]
    device = env["CUDA_VISIBLE_DEVICES"] if isinstance(env, dict) else ""
    gpu = f"GPU {device}" if device else "no GPU"
    limit = options["memory_limit"]
    memory = human(limit) if isinstance(limit, int) else str(limit)
    return f"{name}: a process on this machine, {options['nthreads']} threads, {memory} of memory, {gpu}"
