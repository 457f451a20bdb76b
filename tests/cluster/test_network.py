"""Workers on machines whose cable is cut, and mended."""

from __future__ import annotations

import os
import time

import pytest

from cluster import ClusterLost, ClusterNotStarted, Task, client, connect, dispatch, fleet, remote
from pipeline.bench.resilience.sockets import listening
from tests import strangers
from tests.waiting import until

pytestmark = [pytest.mark.root, pytest.mark.slow]


def slow_square(number, seconds=0.3):
    time.sleep(seconds)
    return number * number


def tasks(count):
    return [Task(f"t{i}", slow_square, (i,)) for i in range(count)]


@pytest.fixture(autouse=True)
def _soon(monkeypatch):
    monkeypatch.setitem(fleet.SETTINGS, "distributed.scheduler.worker-ttl", "5s")
    monkeypatch.setattr(client, "PATIENCE", 10.0)


def test_strangers_on_the_network_are_kept_out(on_machines, machines):
    with connect(on_machines()) as workers:
        assert workers.address.startswith(f"tls://{machines[0].here}:")
        assert listening({os.getpid()}) == {machines[0].here, "127.0.0.1"}
        strangers.are_kept_out(workers.address, machines[1].inside)


def test_a_worker_that_is_cut_off_is_done_without_and_comes_back(on_machines, machines, monkeypatch):
    monkeypatch.setitem(remote.CONNECTION, "keepalive_interval", 2)
    with connect(on_machines()) as workers:
        until(lambda: len(workers.members()) == 2)
        results = dispatch(workers, tasks(40))
        found = [next(results).value]
        machines[1].cut()
        found += [one.value for one in results]
        assert sorted(found) == [i * i for i in range(40)]
        until(lambda: len(workers.members()) == 1)
        machines[1].mend()
        until(lambda: len(workers.members()) == 2)
        assert sorted(one.value for one in dispatch(workers, tasks(8))) == [i * i for i in range(8)]


def test_when_all_are_cut_off_that_is_said(on_machines, machines):
    with connect(on_machines()) as workers:
        workers.wait = 0
        results = dispatch(workers, tasks(40))
        next(results)
        for machine in machines:
            machine.cut()
        with pytest.raises(
            ClusterLost, match=r"(no worker for 10 s|could not be reached by ssh).*run the same command again"
        ) as caught:
            list(results)
        assert caught.value.exit_code == 4


def test_a_machine_that_does_not_answer_is_told(on_machines, machines):
    for machine in machines:
        machine.cut()
    with pytest.raises(ClusterNotStarted, match=r"198\.18\.\d+\.2 could not be reached by ssh") as caught:
        connect(on_machines(wait=30)).__enter__()
    assert caught.value.exit_code == 4
