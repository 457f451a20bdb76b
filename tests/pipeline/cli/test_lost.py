"""Drivers, schedulers and machines that are lost: the same command goes on, and repeats what was lost."""

from __future__ import annotations

import json
import signal

import psutil
import pytest

from cluster import SchedulerFile
from cluster.chaos import kill, kill_with_nanny
from pipeline import run
from pipeline.bench.resilience.daemons import Daemons, children
from pipeline.bench.resilience.problem import blocks, recipe
from pipeline.bench.resilience.trouble import Once
from tests.waiting import PATIENCE, until

pytestmark = pytest.mark.slow


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


@pytest.fixture
def daemons(tmp_path):
    with Daemons(tmp_path) as found:
        yield found


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


def test_a_worker_and_its_nanny_lost_together(ground, assert_whole, tmp_path, daemons):
    [first, second] = daemons.workers
    until(lambda: children(first.pid) and children(second.pid))

    def lose():
        kill_with_nanny(next(one for one in children(first.pid) if not one.children()).pid)

    config, archive = SchedulerFile(file=str(daemons.file)), tmp_path / "archive"
    listener = Once("stimuli", lose)
    run(recipe(ground, archive), cluster=config, listener=listener)
    assert listener.done
    assert first.wait(timeout=PATIENCE) == -signal.SIGKILL
    assert_whole(archive)
