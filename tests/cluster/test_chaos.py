"""Harm on purpose: what is hit, how often, and what is spared."""

from __future__ import annotations

import os
import subprocess
import sys
import time

import psutil
import pytest

from cluster import Task, dispatch
from cluster.chaos import SPARE, busy_workers, freeze, kill, kill_with_nanny, raiding, thaw
from tests.waiting import until

NANNY = """
import subprocess, sys, time
print(subprocess.Popen([sys.executable, "-c", "import time; time.sleep(60)"]).pid, flush=True)
time.sleep(60)
"""


def nap(number):
    time.sleep(0.05)
    return number


def test_workers_at_work_are_known(local):
    assert busy_workers(local) == {}
    results = dispatch(local, [Task(f"t{i}", nap, (i,)) for i in range(20)])
    next(results)
    busy = busy_workers(local)
    assert set(busy) <= set(local.each(os.getpid).values())
    assert all("'t" in key for keys in busy.values() for key in keys)
    assert busy
    list(results)


def test_workers_are_killed_so_often_and_no_task_too_often(local):
    with raiding(local, 3) as hit:
        found = {one.value for one in dispatch(local, [Task(f"t{i}", nap, (i,)) for i in range(40)])}
    assert found == set(range(40))
    assert len(hit) == 3
    keys = [key for each in hit for key in each.split(" and ")]
    assert max(map(keys.count, keys)) <= SPARE


def test_a_raid_ends_with_its_context(local):
    with raiding(local, 1) as hit:
        pass
    list(dispatch(local, [Task(f"t{i}", nap, (i,)) for i in range(4)]))
    assert hit == []


@pytest.fixture
def family():
    """A process and its child."""
    with subprocess.Popen([sys.executable, "-c", NANNY], stdout=subprocess.PIPE, text=True) as nanny:
        yield nanny, psutil.Process(int(nanny.stdout.readline()))
        nanny.kill()


def test_frozen_and_thawed(family):
    nanny, _ = family
    freeze(nanny.pid)
    until(lambda: psutil.Process(nanny.pid).status() == psutil.STATUS_STOPPED)
    thaw(nanny.pid)
    until(lambda: psutil.Process(nanny.pid).status() != psutil.STATUS_STOPPED)


def test_killed_with_its_nanny(family):
    nanny, worker = family
    kill_with_nanny(worker.pid)
    assert nanny.wait(timeout=60) == -9
    until(lambda: not worker.is_running() or worker.status() == psutil.STATUS_ZOMBIE)


def test_this_process_is_not_killed_for_a_nanny(family):
    nanny, _ = family
    with pytest.raises(ValueError, match="a part of this process"):
        kill_with_nanny(nanny.pid)


def test_who_is_gone_cannot_be_harmed():
    gone = subprocess.Popen([sys.executable, "-c", ""])
    gone.wait()
    for harm in (kill, freeze, thaw):
        harm(gone.pid)
