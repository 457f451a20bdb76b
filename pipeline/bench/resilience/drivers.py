"""Runs whose driver or whose scheduler is lost, and the same command given again."""

from __future__ import annotations

import json
import re
import signal
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import psutil

from .daemons import Daemons, children, wait_for
from .problem import RECIPE, WHOLE, blocks, compared, fresh

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from ..work import Work

    Driver = subprocess.Popen[str]

CLUSTER = 'kind = "local"\nworkers = 2\nmemory = "1GB"\n'


def undisturbed(folder: str) -> Work:
    """Run."""
    archive, cluster = fresh(folder), Path(folder) / "two-local.toml"
    cluster.write_text(CLUSTER)

    def work() -> Mapping[str, Any]:
        driver = _driver(folder, archive, cluster)
        return {**_told(driver), "harmed": 0, **compared(folder, archive)}

    return work


def driver_killed(folder: str, share: float) -> Work:
    """Run, kill the driver when a share of the blocks is there, and give the same command again."""
    return _ended(folder, share, signal.SIGKILL)


def interrupted(folder: str, share: float) -> Work:
    """Run, press Ctrl-C when a share of the blocks is there, and give the same command again."""
    return _ended(folder, share, signal.SIGINT)


def _ended(folder: str, share: float, number: signal.Signals) -> Work:
    archive, cluster = fresh(folder), Path(folder) / "two-local.toml"
    cluster.write_text(CLUSTER)

    def work() -> Mapping[str, Any]:
        """Begin, send the signal, and give the same command again."""
        driver = _begun(folder, archive, cluster, share)
        workers = children(driver.pid)
        driver.send_signal(number)
        told = _told(driver)
        psutil.wait_procs(workers)  # nobody is left behind
        return {**told, **_again(folder, archive, cluster)}

    return work


def scheduler_killed(folder: str, share: float) -> Work:
    """Run on a scheduler of others, kill that, and give the same command again when there is a new one."""
    archive = fresh(folder)
    daemons = Daemons(Path(folder))
    daemons.start()

    def work() -> Mapping[str, Any]:
        """Begin, kill the scheduler, and give the same command again to a new one."""
        driver = _begun(folder, archive, daemons.file, share)
        daemons.scheduler.kill()
        told = _told(driver)
        daemons.stop()
        daemons.start()
        return {**told, **_again(folder, archive, daemons.file)}

    return work


def _driver(folder: str, archive: Path, cluster: Path) -> Driver:
    """Start a run in its folder: what it says names nothing outside."""
    signal.signal(signal.SIGINT, signal.SIG_DFL)  # shells have what they start in the background ignore it
    command = [sys.executable, "-m", "pipeline.cli", "run", RECIPE, "--archive", archive.name]
    command += ["--cluster", cluster.name, "--no-progress", "--json"]
    return subprocess.Popen(  # noqa: S603  (our own module)
        command, cwd=folder, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )


def _begun(folder: str, archive: Path, cluster: Path, share: float) -> Driver:
    """Return a driver that has made a share of the blocks."""
    count = share * blocks(Path(folder) / WHOLE)
    driver = _driver(folder, archive, cluster)
    wait_for(lambda: blocks(archive) >= count, driver)
    return driver


def _told(driver: Driver) -> dict[str, Any]:
    """Return the exit code of a driver that ends, and its last words."""
    _, err = driver.communicate()
    said = [line for line in err.strip().splitlines() if line.startswith("vox2pix: ")]
    return {"harmed": 1, "exit": driver.returncode, **({"message": said[-1]} if said else {})}


def _again(folder: str, archive: Path, cluster: Path) -> dict[str, float | Callable[[], float]]:
    """Give the same command again; return what was kept, and what was made twice."""
    kept = blocks(archive)
    driver = _driver(folder, archive, cluster)
    out, err = driver.communicate()
    if driver.returncode:
        raise RuntimeError(f"the second run ended with {driver.returncode}: {err.strip()[-400:]}")
    products = [one for subject in json.loads(out)["subjects"].values() for one in subject["products"]]
    made = sum(product["computed"] for product in products)
    return {"kept": kept, "again": kept + made - blocks(archive), **compared(folder, archive)}


def without_places(text: str) -> str:
    """Return a message without the folders of the paths in it: they are of one machine and one run.

    >>> without_places("Log: /tmp/vox2pix-ab12/worker-1.log")
    'Log: worker-1.log'
    """
    return re.sub(r"(?<![\w:/])/(?:[^\s/]+/)+", "", text)
