"""What a scheduler says of tasks that workers took with them, even if it has forgotten; its report."""

from __future__ import annotations

import os
import signal
from pathlib import Path

from cluster import Task, Threads, connect, dispatch
from cluster.diagnostics import lost, noted, performance_report


def die_once(flag):
    """Kill the worker the first time."""
    if not Path(flag).exists():
        Path(flag).touch()
        os.kill(os.getpid(), signal.SIGKILL)
    return 7


def flood(dask_scheduler):
    """Have the scheduler note so much that it forgets what went before; return what it knows of the dead."""
    for _ in range(dask_scheduler._broker._topics["all"].events.maxlen):
        dask_scheduler.log_event("all", {"action": "flood"})
    return [said for _, said in dask_scheduler.get_events("all") if said["action"] == "remove-worker"]


def test_a_task_that_a_worker_took_with_it_is_told(local, tmp_path):
    before = noted(local)
    (result,) = dispatch(local, [Task("s1/betas block 3", die_once, (str(tmp_path / "flag"),))])
    assert result.value == 7
    assert local.client.run_on_scheduler(flood) == []
    assert ["'s1/betas block 3'" in key for key in lost(local, before)] == [True]
    assert lost(local, noted(local)) == []


def test_who_did_a_task_is_told(workers):
    (result,) = dispatch(workers, [Task("one", os.getpid)])
    assert result.worker
    if workers.kind == "local":
        assert result.worker in {str(worker["name"]) for worker in workers.workers().values()}


def test_threads_lose_nothing_and_write_no_report(tmp_path):
    with connect(Threads(workers=1)) as workers, performance_report(workers, tmp_path / "report.html"):
        assert lost(workers, noted(workers)) == []
    assert not list(tmp_path.iterdir())


def test_the_report_needs_nothing_but_itself(local, tmp_path):
    path = tmp_path / "report.html"
    with performance_report(local, path):
        list(dispatch(local, [Task(f"task {number}", os.getpid) for number in range(3)]))
    text = path.read_text("utf-8")
    assert "Bokeh" in text
    assert '<script type="text/javascript" src=' not in text


def test_a_report_that_can_not_be_written_is_told_and_ends_nothing(local, tmp_path):
    told = []
    (tmp_path / "file").touch()
    with performance_report(local, tmp_path / "file" / "report.html", told.append):
        pass
    assert len(told) == 1
    assert "no performance report" in told[0]
