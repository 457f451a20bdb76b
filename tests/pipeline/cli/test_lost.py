"""Drivers, schedulers and machines that are lost: the same command goes on, and repeats what was lost."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
import time
from pathlib import Path

import psutil
import pytest
from distributed import Client

from cluster import SchedulerFile
from cluster.chaos import kill, kill_with_nanny
from pipeline import run
from pipeline.bench.resilience.problem import blocks, recipe
from pipeline.outcome import Listener

pytestmark = [pytest.mark.slow, pytest.mark.timeout(900)]
PATIENCE = 280
"""Seconds: machines that run tests may be busy."""


def line(ground, archive, cluster):
    return [
        "run",
        str(ground / "recipe.toml"),
        "--archive",
        str(archive),
        "--cluster",
        str(cluster),
        "--json",
    ]


def until(there, process=None):
    deadline = time.monotonic() + PATIENCE
    while not there():
        assert time.monotonic() < deadline
        assert process is None or process.poll() is None, process.communicate()
        time.sleep(0.1)  # looking costs a busy machine time


def under_way(archive, process):
    until(lambda: blocks(archive) > 4, process)


def go_on(start, ground, archive, cluster):
    """Give the same command again, and see that it makes what is missing and nothing else."""
    kept = blocks(archive)
    again = start(ground, *line(ground, archive, cluster))
    out, err = again.communicate(timeout=PATIENCE)
    assert again.returncode == 0, err
    products = [one for subject in json.loads(out)["subjects"].values() for one in subject["products"]]
    assert sum(product["computed"] for product in products) == blocks(ground / "whole") - kept


@pytest.fixture
def two_local(tmp_path):
    file = tmp_path / "cluster.toml"
    file.write_text('kind = "local"\nworkers = 2\nmemory = "1GB"\n')
    return file


def test_a_killed_driver(ground, assert_whole, tmp_path, start, two_local):
    archive = tmp_path / "archive"
    driver = start(ground, *line(ground, archive, two_local))
    under_way(archive, driver)
    workers = psutil.Process(driver.pid).children(recursive=True)
    kill(driver.pid)
    driver.communicate()
    assert not psutil.wait_procs(workers, timeout=PATIENCE)[1]  # nobody is left behind
    assert blocks(archive) < blocks(ground / "whole")
    go_on(start, ground, archive, two_local)
    assert_whole(archive)


class Daemons:
    """A scheduler that is not ours, and workers of it, as processes."""

    def __init__(self, folder):
        self.file = folder / "scheduler.json"
        self.processes = []

    def start(self, workers=2):
        self.file.unlink(missing_ok=True)
        self.scheduler = self._started("distributed.cli.dask_scheduler", "--port", "0")
        until(self.file.exists, self.scheduler)
        self.workers = [
            self._started("distributed.cli.dask_worker", "--nthreads", "1", "--memory-limit", "1GB")
            for _ in range(workers)
        ]
        with Client(scheduler_file=str(self.file), set_as_default=False) as client:
            client.wait_for_workers(workers, timeout=PATIENCE)

    def _started(self, module, *arguments):
        here = ["--host", "127.0.0.1", "--dashboard-address", "127.0.0.1:0"]
        command = [sys.executable, "-m", module, "--scheduler-file", str(self.file), *arguments, *here]
        process = subprocess.Popen(
            command,
            cwd=Path(__file__).parents[3],
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            start_new_session=True,
        )
        self.processes.append(process)
        return process

    def stop(self):
        for process in self.processes:
            for one in [*_family(process.pid), process]:
                kill(one.pid)
            process.wait()
        self.processes.clear()


def _family(pid):
    try:
        return psutil.Process(pid).children(recursive=True)
    except psutil.NoSuchProcess:
        return []


@pytest.fixture
def daemons(tmp_path):
    found = Daemons(tmp_path)
    found.start()
    yield found
    found.stop()


def test_a_killed_scheduler(ground, assert_whole, tmp_path, start, daemons):
    archive = tmp_path / "archive"
    driver = start(ground, *line(ground, archive, daemons.file))
    under_way(archive, driver)
    kill(daemons.scheduler.pid)
    out, err = driver.communicate(timeout=PATIENCE)
    assert driver.returncode == 4
    assert "run the same command again" in err
    assert "Cancelled" not in err + out
    assert json.loads(out)["error"]["kind"] == "cluster-lost"
    assert blocks(archive) < blocks(ground / "whole")
    daemons.stop()
    daemons.start()
    go_on(start, ground, archive, daemons.file)
    assert_whole(archive)


class Once(Listener):
    """Does something when a product's first block is done."""

    def __init__(self, product, do):
        self.product, self.do, self.done = product, do, False

    def block_done(self, step, stored, moved):
        if step.product == self.product and not self.done:
            self.done = True
            self.do()


def test_a_worker_and_its_nanny_lost_together(ground, assert_whole, tmp_path, daemons):
    [first, second] = daemons.workers
    until(lambda: _family(first.pid) and _family(second.pid))

    def lose():
        kill_with_nanny(next(one for one in _family(first.pid) if not one.children()).pid)

    config, archive = SchedulerFile(file=str(daemons.file)), tmp_path / "archive"
    listener = Once("stimuli", lose)
    run(recipe(ground, archive), cluster=config, listener=listener)
    assert listener.done
    assert first.wait(timeout=PATIENCE) == -signal.SIGKILL
    assert_whole(archive)
