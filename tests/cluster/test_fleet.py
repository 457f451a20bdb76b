"""Workers that we start: waited for, told of, started again, and given up when that is in vain."""

from __future__ import annotations

import pytest
from distributed import Worker
from distributed.deploy.spec import ProcessInterface

from cluster import ClusterLost, ClusterNotStarted, Task, dispatch, fleet, keeper
from cluster.fleet import Plan, running
from tests.waiting import until


class Pending(ProcessInterface):
    """A job that its queue keeps waiting."""

    def __init__(self, scheduler, name):
        super().__init__(scheduler, name)


class Broken(Pending):
    """A job that ends at once."""


class Refused(Pending):
    """A job that can't be submitted."""

    async def start(self):
        raise OSError("no such partition\nand more")


class Said:
    """A queue that knows of those that are pending."""

    async def states(self, members):
        return {name: "job 7 is PENDING (Resources)" for name, one in members.items() if type(one) is Pending}


@pytest.fixture(autouse=True)
def _quick(monkeypatch):
    monkeypatch.setattr(keeper, "PERIOD", 0.05)
    monkeypatch.setattr(keeper, "ASK", 0.05)
    monkeypatch.setattr(fleet, "GRACE", 0.3)
    monkeypatch.setattr(fleet, "REMIND", 0.1)


def here(name):
    options = {"nthreads": 1, "host": "127.0.0.1", "dashboard_address": "127.0.0.1:0"}
    options["memory_limit"] = 10**11  # they live in this process, which holds what other tests left
    return {"cls": Worker, "options": {**options, "name": name}}


def plan(wait=30.0, **members):
    named = {
        name.replace("_", "-"): here(name.replace("_", "-")) if cls is Worker else {"cls": cls}
        for name, cls in members.items()
    }
    return Plan("test", named, Said(), lambda name: f"{name}.log", wait, scheduler={"host": "127.0.0.1"})


def square(number):
    return number * number


def test_a_sort_of_which_none_comes_is_told_with_how_it_stands():
    said = r"no gpu worker of the 'test' cluster .* within 1 s \(job 7 is PENDING \(Resources\)\); raise wait"
    with pytest.raises(ClusterNotStarted, match=said) as caught:
        running(plan(cpu_0=Worker, gpu_0=Pending, wait=1.0)).__enter__()
    assert caught.value.exit_code == 4


def test_who_waits_hears_for_what():
    heard = []
    with pytest.raises(ClusterNotStarted):
        running(plan(cpu_0=Pending, wait=1.0), heard.append).__enter__()
    assert "0 of 1 workers of the 'test' cluster are there: job 7 is PENDING (Resources)" in heard


def test_work_begins_with_some_of_each_sort_and_who_comes_later_helps():
    with running(plan(cpu_0=Worker, cpu_1=Pending)) as workers:
        assert workers.slots == 1
        cluster = workers.keeper.cluster

        async def come():
            return await Worker(cluster.scheduler_address, name="cpu-1", nthreads=1, host="127.0.0.1")

        late = cluster.sync(come)
        until(lambda: len(workers.members()) == 2)
        workers.watch()
        assert workers.slots == 2
        cluster.sync(late.close)


@pytest.mark.parametrize(
    ("cls", "said"),
    [(Broken, r"cpu-1 ended before its worker was there; log: cpu-1\.log"), (Refused, "no such partition$")],
)
def test_what_cannot_be_started_is_tried_some_times(cls, said):
    with pytest.raises(ClusterNotStarted, match=rf"can't be started, tried \d times; the last time: {said}"):
        running(plan(cpu_1=cls)).__enter__()


def test_one_that_cannot_be_started_does_not_end_what_others_do(monkeypatch):
    monkeypatch.setattr(keeper, "SELDOM", 0.05)
    with running(plan(cpu_0=Worker, cpu_1=Refused)) as workers:
        workers.keeper.outage = 0
        until(lambda: workers.keeper._failed > 2 * keeper.TRIES * 2)
        workers.watch()
        assert workers.keeper.failure is None
        assert workers.keeper.told == "no such partition"
        assert [one.value for one in dispatch(workers, [Task("t", square, (3,))])] == [9]
        member = workers.keeper.cluster.workers["cpu-0"]
        workers.keeper.members["cpu-0"] = {"cls": Refused}
        workers.keeper.cluster.sync(member.close)
        until(lambda: workers.keeper.failure)
        with pytest.raises(ClusterLost, match="no such partition"):
            workers.watch()


def test_who_ends_is_started_again():
    with running(plan(cpu_0=Worker, cpu_1=Worker)) as workers:
        [before] = [member for name, member in workers.keeper.cluster.workers.items() if name == "cpu-0"]
        workers.keeper.cluster.sync(before.close)
        until(lambda: len(workers.members()) == 2 and before.address not in workers.members())
        assert [one.value for one in dispatch(workers, [Task("t", square, (3,))])] == [9]


def test_when_all_are_away_they_may_come_again_within_the_wait():
    with running(plan(cpu_0=Worker, wait=600.0)) as workers:
        workers.keeper.members["cpu-0"] = {"cls": Refused}
        member = workers.keeper.cluster.workers["cpu-0"]
        workers.keeper.cluster.sync(member.close)
        until(lambda: workers.keeper._failed > 3 * keeper.TRIES)
        workers.watch()
        assert workers.keeper.told == "no such partition"
        workers.keeper.members["cpu-0"] = here("cpu-0")
        assert [one.value for one in dispatch(workers, [Task("t", square, (3,))])] == [9]
        assert workers.keeper.failure is None


def test_when_starting_again_is_in_vain_the_run_ends():
    with running(plan(cpu_0=Worker)) as workers:
        workers.keeper.outage = 0
        workers.keeper.members["cpu-0"] = {"cls": Broken}
        member = workers.keeper.cluster.workers["cpu-0"]
        workers.keeper.cluster.sync(member.close)
        until(lambda: workers.keeper.failure)
        with pytest.raises(ClusterLost, match=r"tried 3 times.* cpu-0\.log.*run the same command again"):
            list(dispatch(workers, [Task("t", square, (3,))]))
