"""A scheduler that somebody else runs, in a process of its own: used, left alone, and missed when gone."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import psutil
import pytest

from cluster import ClusterLost, SchedulerFile, Task, client, connect, dispatch, parse
from tests.waiting import until

pytestmark = pytest.mark.slow


def started(*command):
    root = str(Path(__file__).parents[2])
    return subprocess.Popen(
        [sys.executable, "-m", *command],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        env={**os.environ, "PYTHONPATH": root},
    )


@pytest.fixture
def running(tmp_path):
    """A scheduler and its worker, as two processes, and the scheduler's file."""
    file = tmp_path / "scheduler.json"
    here = ["--host", "127.0.0.1", "--dashboard-address", "127.0.0.1:0"]
    scheduler = started("distributed.cli.dask_scheduler", "--port", "0", "--scheduler-file", str(file), *here)
    worker = started("distributed.cli.dask_worker", "--scheduler-file", str(file), "--nthreads", "1", *here)
    until(file.exists, scheduler)
    yield file, scheduler, worker
    for process in (worker, scheduler):
        if process.poll() is None:
            process.terminate()
        process.wait(timeout=60)


def nap(seconds):
    time.sleep(seconds)
    return seconds


def connected(config):
    """Connect once its worker is there."""
    deadline = time.monotonic() + 60
    while True:
        try:
            context = connect(config)
            return context, context.__enter__()
        except ConnectionError:
            if time.monotonic() > deadline:
                raise
            time.sleep(0.5)


def test_it_is_used_and_left_running(running):
    file, scheduler, worker = running
    config = parse(str(file))
    assert config == SchedulerFile(file=str(file))
    context, workers = connected(config)
    assert workers.kind == "scheduler-file"
    assert [one.value for one in dispatch(workers, [Task("t", nap, (0,))])] == [0]
    context.__exit__(None, None, None)
    time.sleep(1)
    assert (scheduler.poll(), worker.poll()) == (None, None)
    assert psutil.Process(worker.pid).is_running()


def test_when_it_is_killed_that_is_said(running):
    file, scheduler, _ = running
    context, workers = connected(parse(str(file)))
    try:
        results = dispatch(workers, [Task(f"t{i}", nap, (0 if i == 0 else 5,)) for i in range(3)])
        next(results)
        os.kill(scheduler.pid, signal.SIGKILL)
        with pytest.raises(
            ClusterLost, match=r"'scheduler-file' cluster .* run the same command again"
        ) as caught:
            list(results)
        assert caught.value.exit_code == 4
    finally:
        context.__exit__(None, None, None)


def test_when_it_hangs_that_is_said(running, monkeypatch):
    """And the connection is given up: nobody waits for it to answer a farewell."""
    monkeypatch.setattr(client, "ANSWER", 2.0)
    file, scheduler, _ = running
    context, workers = connected(parse(str(file)))
    results = dispatch(workers, [Task(f"t{i}", nap, (0 if i == 0 else 5,)) for i in range(3)])
    next(results)
    os.kill(scheduler.pid, signal.SIGSTOP)
    try:
        with pytest.raises(ClusterLost, match=r"its scheduler does not answer.* run the same command again"):
            list(results)
        context.__exit__(None, None, None)
    finally:
        os.kill(scheduler.pid, signal.SIGCONT)
