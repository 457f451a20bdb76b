"""Jobs of a SLURM cluster, one worker each: submitted again when cancelled or when their walltime ends."""

from __future__ import annotations

import asyncio
import getpass
import inspect
import re
import shutil
from contextlib import contextmanager
from difflib import get_close_matches
from pathlib import Path
from typing import TYPE_CHECKING, Any

from distributed.core import Status

from cluster.arguments import with_gpu
from cluster.environment import NANNY, job_variables
from cluster.errors import ClusterConfigError, ClusterNotStarted
from cluster.fleet import Plan, running
from cluster.folder import cache_home, log_folder, not_made
from cluster.logs import diverted
from cluster.security import LOOPBACK, environment, temporary_keys, write_keys
from cluster.sizes import parse_bytes

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from distributed import Security

    from cluster.client import DaskWorkers
    from cluster.kinds import Gpu, Slurm

MARGIN = 0.1
"""Share of the walltime at the end of which, at the latest, a worker has handed over and gone."""
PATTERN = "vox2pix-{name}-*.log"
"""Name of a job's log in the folder of logs."""
ANSWER = 30.0
"""Seconds that SLURM may take to say how its jobs stand."""
_WALLTIME = re.compile(r"(?:(?P<days>\d+)-)?(?P<fields>\d+(?::\d+){0,2})")


@contextmanager
def connect_slurm(config: Slurm, tell: Callable[[str], object] | None = None) -> Iterator[DaskWorkers]:
    """Keep jobs submitted for the life of the context; the scheduler they report to runs in this process."""
    if shutil.which("sbatch") is None:
        raise ClusterNotStarted(
            "kind 'slurm' needs SLURM's sbatch, which is not on this machine; run vox2pix where jobs are "
            "submitted"
        )
    parent = Path(config.folder).expanduser() if config.folder else cache_home()
    with log_folder(parent, PATTERN) as logs, diverted(logs.folder / "scheduler.log"):
        security = temporary_keys() if config.encryption else None
        keys = _written(logs.folder / "keys", security) if security else None
        options = dict(config.options)
        scheduler = dict(options.pop("scheduler_options", {}))
        if "interface" in options and "host" not in scheduler:
            scheduler.setdefault("interface", options["interface"])
        jobs = members(config, str(logs.folder), keys)
        plan = Plan("slurm", jobs, _Queue(), logs, config.wait, security, scheduler)
        with running(plan, tell) as workers:
            yield workers


def _written(folder: Path, security: Security) -> str:
    try:
        return str(write_keys(folder, security))
    except OSError as error:
        raise not_made(folder, error) from error


def script(config: Slurm) -> str:
    """Return the text of the jobs that would be submitted, one of each sort."""
    folder = f"{config.folder or cache_home()}/vox2pix-workers-..."
    keys = f"{folder}/keys" if config.encryption else None
    texts = []
    for name, member in members(config, folder, keys).items():
        if name.endswith("-0"):
            job = member["cls"](f"{'tls' if keys else 'tcp'}://HOST:PORT", name=name, **member["options"])
            texts.append(job.job_script().rstrip())
    return "\n\n".join(texts)


def members(config: Slurm, folder: str, keys: str | None) -> dict[str, dict[str, Any]]:
    """Return what starts each worker: jobs without a GPU, and jobs with one."""
    job = _job_class()
    counts = {"cpu": config.workers or 1, "gpu": (config.gpu.workers or 1) if config.gpu else 0}
    found = {}
    for sort, count in counts.items():
        for number in range(count):
            name = f"{sort}-{number}"
            options = _options(config, config.gpu if sort == "gpu" else None, keys)
            log = f"--output={folder}/vox2pix-{name}-%j.log"  # and what is written as an error too
            directives = [log, *options["job_extra_directives"]]
            options |= {"job_name": f"vox2pix-{name}", "job_extra_directives": directives}
            _refuse_unknown(job, options)
            found[name] = {"cls": job, "options": options}
    return found


def _job_class() -> Any:
    try:
        from dask_jobqueue.slurm import SLURMJob
    except ImportError as error:
        raise ClusterNotStarted(
            "kind 'slurm' needs the package dask-jobqueue; pip install 'vox2pix[slurm]'"
        ) from error

    class Job(SLURMJob):
        """A job that says so when it is closed, as dask's clusters expect."""

        async def close(self) -> None:
            await super().close()  # type: ignore[no-untyped-call]
            self.status = Status.closed

    return Job


def _options(config: Slurm, gpu: Gpu | None, keys: str | None) -> dict[str, Any]:
    """Return the options of a sort of jobs: the user's, and ours before or beside them."""
    given = {**config.options, **(gpu.options if gpu else {})}
    given.pop("scheduler_options", None)
    memory = _memory(config, gpu)
    threads = 1 if gpu else config.threads
    exports = {**job_variables(), **(environment(keys) if keys else {})}
    arguments = ["--preload", "cluster.logs", "--dashboard-address", f"{LOOPBACK}:0", *_lifetime(given)]
    arguments += _listed(given, "worker_extra_args")
    directives = _listed(given, "job_extra_directives")
    if gpu:
        arguments = with_gpu(arguments)
        if not any("gres" in one or "gpu" in one for one in directives):
            directives = ["--gres=gpu:1", *directives]
    return {
        "job_mem": f"{memory >> 20}M",
        **given,
        "cores": threads,
        "processes": 1,
        "memory": f"{max(memory - NANNY, memory // 2)}B",
        "protocol": "tls" if keys else "tcp",
        "job_extra_directives": directives,
        "worker_extra_args": arguments,
        "job_script_prologue": [
            *(f"export {name}={value}" for name, value in exports.items()),
            *_listed(given, "job_script_prologue"),
        ],
    }


def _listed(given: Mapping[str, Any], name: str) -> list[str]:
    """Return an option that is a list of lines: the user's, else the site's, of its jobqueue.yaml."""
    import dask

    site = dask.config.get(f"jobqueue.slurm.{name.replace('_', '-')}", None)
    return list(given.get(name, site) or ())


def _memory(config: Slurm, gpu: Gpu | None) -> int:
    import dask
    import dask_jobqueue  # noqa: F401  (its import brings its defaults)

    asked = (gpu and gpu.memory) or config.memory or dask.config.get("jobqueue.slurm.memory", None)
    if asked is None:
        raise ClusterConfigError(
            "kind 'slurm' needs the memory that each job asks for; add it to [cluster], like memory = '16GB'"
        )
    return parse_bytes(str(asked))


def _lifetime(options: Mapping[str, Any]) -> list[str]:
    """Return arguments by which a worker hands over and goes before SLURM ends its job, not all at once."""
    import dask

    walltime = options.get("walltime") or dask.config.get("jobqueue.slurm.walltime", None)
    if walltime is None:
        return []
    seconds = max(60, walltime_seconds(str(walltime)))  # SLURM counts in minutes
    margin = min(max(MARGIN * seconds, 10), 600)
    return [
        "--lifetime", f"{seconds - 1.5 * margin:.0f}s", "--lifetime-stagger", f"{margin / 2:.0f}s"
    ]  # fmt: skip


def walltime_seconds(text: str) -> int:
    """Return the seconds of a walltime as SLURM writes it.

    Raises
    ------
    ClusterConfigError
        Where it is none.

    Examples
    --------
    >>> [walltime_seconds(text) for text in ("30", "2:30", "01:00:00", "1-12", "1-12:30")]
    [1800, 150, 3600, 129600, 131400]
    """
    found = _WALLTIME.fullmatch(text.strip())
    if not found:
        raise ClusterConfigError(
            f"walltime {text!r} is none of SLURM's; expected MINUTES, HH:MM:SS or DAYS-HH:MM:SS"
        )
    fields = [int(field) for field in found["fields"].split(":")]
    if found["days"] is not None:  # D-HH, D-HH:MM, D-HH:MM:SS
        hours, minutes, seconds = (*fields, 0, 0)[:3]
        return ((int(found["days"]) * 24 + hours) * 60 + minutes) * 60 + seconds
    if len(fields) < 3:  # MM, MM:SS
        minutes, seconds = (*fields, 0)[:2]
        return minutes * 60 + seconds
    return (fields[0] * 60 + fields[1]) * 60 + fields[2]


def _refuse_unknown(job: Any, options: Mapping[str, Any]) -> None:
    """Make a job without submitting it, to learn now what it would refuse."""
    known = {name for one in job.__mro__[1:3] for name in inspect.signature(one.__init__).parameters}
    for name in options.keys() - known:
        near = get_close_matches(name, known, n=1)
        hint = f"; did you mean {near[0]!r}?" if near else ""
        raise ClusterConfigError(f"options of 'slurm': a job takes no {name!r}{hint}")
    try:
        job("tcp://HOST:PORT", name="cpu-0", **options)
    except (TypeError, ValueError) as error:
        raise ClusterConfigError(f"options of 'slurm': {error}") from error


class _Queue:
    """SLURM's own word on jobs."""

    async def states(self, members: Mapping[str, Any]) -> dict[str, str] | None:
        """Return how each worker's job stands, by the worker's name; None where `squeue` does not answer."""
        asked = await asyncio.create_subprocess_exec(
            "squeue", "--noheader", f"--user={getpass.getuser()}", "--format=%A %T %r",
            stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.DEVNULL,
        )  # fmt: skip
        try:
            said, _ = await asyncio.wait_for(asked.communicate(), ANSWER)
        except TimeoutError:
            asked.kill()
            await asked.wait()
        if asked.returncode:
            return None
        lines = [line.split(maxsplit=2) for line in said.decode().splitlines()]
        jobs = {job: f"job {job} is {state} ({reason})" for job, state, reason in lines}
        return {
            name: jobs[str(member.job_id)] for name, member in members.items() if str(member.job_id) in jobs
        }
