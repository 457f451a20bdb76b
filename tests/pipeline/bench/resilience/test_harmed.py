"""The scenario `resilience`: who is harmed, what is kept, and that blocks leave nothing in memory."""

from __future__ import annotations

import pytest

from cluster import Local, NeedUnmet, Threads, connect
from pipeline.bench.attempt import attempt
from pipeline.bench.resilience import scenario
from pipeline.bench.resilience.drivers import without_places
from pipeline.bench.resilience.problem import blocks, digest, make_whole, write
from pipeline.bench.resilience.scenario import QUICK, sized
from pipeline.bench.resilience.trouble import raid


def case(name):
    [found] = [case for case in sized().cases if case.name == name]
    return found


def contender(case_name, name):
    [found] = [one for one in case(case_name).contenders if one.name == name]
    return found


@pytest.fixture(scope="module")
def quick_ground(tmp_path_factory):
    folder = tmp_path_factory.mktemp("quick")
    write(folder, QUICK)
    make_whole(folder)
    return {"folder": str(folder)}


def test_goals_are_those_that_were_set(monkeypatch):
    monkeypatch.setattr(scenario, "able", lambda: "")
    said = {goal.says: (goal.least, goal.most) for each in sized().cases for goal in each.goals}
    assert [said[f"killed {times} (-9), in each stage"] for times in ("once", "3 times", "12 times")] == [
        (1, 1),
        (3, 3),
        (12, 12),
    ]
    inf = float("inf")
    assert said["frozen: seconds beyond its ttl"] == (-inf, 60)
    assert said["killed by a block: exit code"] == (1, 1)
    assert said["Ctrl-C: exit code"] == (130, 130)
    assert {said[f"{who}: blocks made twice"] for who in ("driver killed", "scheduler killed", "Ctrl-C")} == {
        (-inf, 0)
    }
    assert said["both cut off: exit code"] == (4, 4)
    assert said["resident / at a tenth of the blocks"] == (-inf, 1.1)
    for each in sized().cases:
        names = {contender.name for contender in each.contenders}
        assert all({goal.value.contender, *(of.contender for of in goal.to)} <= names for goal in each.goals)
        compared = {goal.value.contender for goal in each.goals if goal.value.figure == "identical"}
        assert compared in (names, set())


def test_where_rights_are_missing_that_is_said(monkeypatch):
    monkeypatch.setattr(scenario, "able", lambda: "root's rights")
    found = sized()
    assert "machines and disks" not in {case.name for case in found.cases}
    assert found.size["not run"] == "for want of root's rights"


def test_archives_are_told_apart(tmp_path):
    chunk = tmp_path / "s1" / "betas" / "0" / "data" / "betas" / "c" / "0"
    chunk.parent.mkdir(parents=True)
    chunk.write_bytes(b"one")
    first = digest(tmp_path)
    (tmp_path / "s1" / "betas" / "0" / "product.json").write_text("when and where")
    assert digest(tmp_path) == first
    chunk.write_bytes(b"other")
    assert digest(tmp_path) != first


def test_blocks_are_counted_by_their_markers(tmp_path):
    done = tmp_path / "s1" / "betas" / "0" / "done"
    done.mkdir(parents=True)
    for name in ("frame.json", "00000.json", "00001.json", "00002.json.partial"):
        (done / name).touch()
    (done.parent / "00003.json").touch()
    assert blocks(tmp_path) == 2


def test_messages_are_kept_without_places():
    said = "Log: /tmp/vox2pix-ab/worker-1.log; tcp://127.0.0.1:80; run s1/betas of a/b.toml, written in /x/y"
    assert (
        without_places(said)
        == "Log: worker-1.log; tcp://127.0.0.1:80; run s1/betas of a/b.toml, written in y"
    )


@pytest.mark.parametrize(("config", "said"), [(Threads(workers=1), "'threads' cluster has no processes")])
def test_who_is_not_ours_to_kill_is_spared(config, said):
    with connect(config) as workers, pytest.raises(NeedUnmet, match=said), raid(workers, 1):
        pass


@pytest.mark.slow
@pytest.mark.parametrize(
    ("case_name", "name", "changes", "figures"),
    [
        ("drivers and schedulers", "driver killed", {"share": 0.1}, {"exit": -9, "again": 0}),
        ("drivers and schedulers", "scheduler killed", {}, {"exit": 4, "again": 0}),
        ("drivers and schedulers", "Ctrl-C", {}, {"exit": 130, "again": 0}),
        ("workers", "killed by a block", {}, {"exit": 1, "missing": 1}),
        ("workers", "lost with its nanny", {}, {}),
    ],
)
def test_what_is_lost_in_the_benchmark(quick_ground, case_name, name, changes, figures):
    one = contender(case_name, name)
    found = attempt(one, {**quick_ground, **one.given, **changes})
    assert found.items() >= {"harmed": 1, "identical": 1.0, **figures}.items(), found


@pytest.mark.slow
@pytest.mark.root
@pytest.mark.parametrize(
    ("name", "code"),
    [("one of two machines cut off", 0), ("scratch fills up", 0), ("scratch takes nothing", 4)],
)
def test_networks_and_disks_in_the_benchmark(quick_ground, name, code):
    if scenario.able():
        pytest.skip(f"for want of {scenario.able()}")
    one = contender("machines and disks", name)
    found = attempt(one, {**quick_ground, **one.given})
    assert found.items() >= {"harmed": 1, "identical": 1.0, "exit": code}.items(), found


@pytest.mark.slow
@pytest.mark.parametrize(
    "name", ["threads", "local", "scheduler of slurm and ssh", "address", "scheduler-file"]
)
def test_who_is_reached_in_the_benchmark(tmp_path, name):
    one = contender("who is reached", name)
    found = attempt(one, {"folder": str(tmp_path), **one.given})
    assert found["open"] == 0, found
    assert found.get("refused") == found.get("tried")
    assert (found["listening"] > 0) == (name in {"local", "scheduler of slurm and ssh"})


@pytest.mark.slow
def test_ten_thousand_blocks_leave_little_in_client_and_scheduler(tmp_path):
    """What dask kept of a prefix of keys for each block was 8 kB, of a group of keys 2 kB."""
    one = contender("memory of client and scheduler", "10000 blocks")
    found = attempt(one, {"folder": "", **one.given})
    assert found["tasks"] == 10_000
    assert found["resident"] < 1.15 * found["early"]


@pytest.mark.slow
def test_workers_of_a_cluster_are_killed_wherever_they_are():
    import os
    import time

    from cluster import Task, dispatch

    with connect(Local(workers=2, memory="1GB")) as workers, raid(workers, 2) as hit:
        tasks = [Task(f"t{number}", time.sleep, (0.1,)) for number in range(40)]
        assert len(list(dispatch(workers, tasks))) == 40
        assert len(hit) == 2
        assert os.getpid() not in workers.each(os.getpid).values()
