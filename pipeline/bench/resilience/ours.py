"""Runs that are harmed: workers killed or frozen, drivers killed; and a dispatch of many blocks."""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
import time
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, Any

from .problem import RECIPE, blocks, digest, recipe
from .trouble import Trouble

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from cluster import Local

    from ..work import Work

MEMORY = "1GB"
"""A worker's."""


def _two() -> Local:
    from cluster import Local

    return Local(workers=2, memory=MEMORY)


def killed(folder: str, stages: Sequence[str], times: int) -> Work:
    """Run while workers are killed so many times in each stage."""
    archive = tempfile.mkdtemp(dir=folder)

    def work() -> Mapping[str, Any]:
        """Run every stage."""
        from ...runner import run

        with Trouble(stages, times) as trouble:
            run(recipe(folder, archive), cluster=_two(), listener=trouble)
        hits = sum(map(len, trouble.hits.values()))
        return {"harmed": hits, "check": lambda: digest(archive)}

    return work


def frozen(folder: str, stage: str, ttl: float) -> Work:
    """Run while a worker is frozen for good; `late` is the time from then on that is not its ttl."""
    from cluster import fleet
    from cluster.chaos import freeze

    fleet.SETTINGS["distributed.scheduler.worker-ttl"] = f"{ttl}s"
    archive, began = tempfile.mkdtemp(dir=folder), list[float]()

    def stop(pid: int) -> None:
        began.append(time.perf_counter())
        freeze(pid)

    def work() -> Mapping[str, Any]:
        """Run every stage."""
        from ...runner import run

        with Trouble([stage], 1, stop) as trouble:
            run(recipe(folder, archive), cluster=_two(), listener=trouble)
        late = time.perf_counter() - began[0] - ttl
        return {"harmed": len(trouble.hits[stage]), "late": late, "check": lambda: digest(archive)}

    return work


def driver_killed(folder: str, share: float) -> Work:
    """Run, kill the driver when a share of the blocks is there, and give the same command again."""
    place = Path(tempfile.mkdtemp(dir=folder))
    cluster, archive = place / "cluster.toml", place / "archive"
    cluster.write_text(f'kind = "local"\nworkers = 2\nmemory = "{MEMORY}"\n')
    command = [sys.executable, "-m", "pipeline.cli", "run", str(Path(folder) / RECIPE), "--json"]
    command += ["--archive", str(archive), "--cluster", str(cluster), "--no-progress"]
    total = len(_all_blocks(folder))

    def work() -> Mapping[str, Any]:
        """Run twice."""
        _kill_after(command, archive, share * total)
        kept = blocks(archive)
        said = json.loads(subprocess.run(command, check=True, capture_output=True).stdout)  # noqa: S603
        products = [each for subject in said["subjects"].values() for each in subject["products"]]
        again = kept + sum(product["computed"] for product in products) - blocks(archive)
        return {"harmed": 1, "kept": kept, "again": again, "check": lambda: digest(archive)}

    return work


def _all_blocks(folder: str) -> list[tuple[str, int]]:
    from ...planner import plan

    planned = plan(recipe(folder, Path(folder) / "nowhere"))
    return [(str(step), block) for step in planned for block in range(step.blocks)]


def _kill_after(command: Sequence[str], archive: Path, count: float) -> None:
    """Start a driver, kill it when so many blocks are there, and wait until its workers have ended."""
    import psutil

    from cluster.chaos import kill

    driver = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)  # noqa: S603
    while blocks(archive) < count and driver.poll() is None:
        time.sleep(0.1)
    workers = psutil.Process(driver.pid).children(recursive=True)
    kill(driver.pid)
    driver.wait()
    psutil.wait_procs(workers)


def dispatched(folder: str, tasks: int) -> Work:
    """Hand out so many tasks that do nothing; client and scheduler share this process.

    What it holds when a tenth of them is done is `early`, at the end `resident`, in bytes.
    """
    from contextlib import ExitStack

    from cluster import Task, connect, dispatch

    del folder
    stack = ExitStack()
    workers = stack.enter_context(connect(_two()))

    def work() -> Mapping[str, Any]:
        """Take every result."""
        results = dispatch(workers, (Task(f"block {number}", abs, (number,)) for number in range(tasks)))
        done = sum(1 for _ in islice(results, tasks // 10))
        early = _resident()
        done += sum(1 for _ in results)

        def closed() -> bool:
            """End the workers; it is called when all figures are taken."""
            stack.close()
            return True

        return {"tasks": done, "early": early, "resident": _resident(), "closed": closed}

    return work


def _resident() -> int:
    import psutil

    return int(psutil.Process().memory_info().rss)
