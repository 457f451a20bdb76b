"""Worker processes on this machine: what dies, what is heard, and what is left behind."""

from __future__ import annotations

import copy
import os
import resource
import signal
import subprocess
import sys
import time
from contextlib import suppress
from pathlib import Path

import dask
import numpy as np
import psutil
import pytest
from distributed import LocalCluster, get_worker

from cluster import (
    Address,
    ClusterLost,
    ClusterNotStarted,
    Local,
    Need,
    NeedUnmet,
    Task,
    TaskFailed,
    Threads,
    client,
    connect,
    dispatch,
    fleet,
    wanted,
)
from cluster.chaos import busy_workers
from tests.waiting import until


def slow_square(number, seconds=0.1):
    time.sleep(seconds)
    return number * number


def sleep_then_note(seconds, path):
    time.sleep(seconds)
    Path(path).touch()


def process():
    return os.getpid()


def die():
    os._exit(1)


def die_once(path):
    if not Path(path).exists():
        Path(path).touch()
        os.kill(os.getpid(), signal.SIGKILL)
    return "lived"


def fail_here_first(path):
    """Fail on the process that calls this first, for ever."""
    if not Path(path).exists():
        Path(path).write_text(str(os.getpid()))
    if Path(path).read_text() == str(os.getpid()):
        raise OSError("not here")
    return os.getpid()


def lazy_sum():
    import dask.delayed

    return dask.delayed(sum)([1, 2]).compute()


def raise_unpicklable():
    class Odd(Exception):
        def __reduce__(self):
            raise TypeError("stays here")

    raise Odd("odd")


def test_work_is_done_in_other_processes(local):
    found = {result.value for result in dispatch(local, [Task(f"t{i}", process) for i in range(8)])}
    assert os.getpid() not in found
    assert (local.kind, local.slots, local.memory, local.gpus) == ("local", 2, 2 * 10**9, 0)


def test_killed_workers_are_replaced(local, tmp_path):
    tasks = [Task(f"t{i}", slow_square, (i,)) for i in range(20)]
    tasks.insert(5, Task("fragile", die_once, (tmp_path / "died",)))
    found = {result.key: result.value for result in dispatch(local, tasks)}
    assert found == {f"t{i}": i * i for i in range(20)} | {"fragile": "lived"}


def test_a_task_that_kills_its_workers_is_named_among_others(local):
    tasks = [Task("good a", slow_square, (1,)), Task("poison", die), Task("good b", slow_square, (2,))]
    with pytest.raises(
        TaskFailed, match=r"'poison': every worker that ran it died.*memory.* Log: .*worker-\d\.log"
    ) as caught:
        list(dispatch(local, tasks))
    assert caught.value.exit_code == 1
    assert Path(caught.value.log).parent.is_dir()


def test_a_failed_task_is_tried_on_another_worker(local, tmp_path):
    (result,) = dispatch(local, [Task("picky", fail_here_first, (tmp_path / "first",))])
    assert result.tries == 2


def test_the_traceback_travels_and_is_in_the_log(local, tmp_path):
    tasks = [Task("bad", fail_here_first, (tmp_path / "absent" / "first",))]
    with pytest.raises(TaskFailed) as caught:
        list(dispatch(local, tasks))
    assert "in fail_here_first" in caught.value.__cause__.__notes__[0]
    assert "in fail_here_first" in Path(caught.value.log).read_text()


def test_errors_that_cannot_be_pickled_are_told(local):
    with pytest.raises(TaskFailed, match="RuntimeError: Odd: odd"):
        list(dispatch(local, [Task("odd", raise_unpicklable)]))


def test_lazy_arrays_are_computed_in_the_task(local):
    assert next(dispatch(local, [Task("lazy", lazy_sum)])).value == 3


def test_many_tasks_leave_nothing_with_the_scheduler(local):
    scheduler = local.client.cluster.scheduler
    spans = scheduler.extensions["spans"].spans
    list(dispatch(local, [Task("first", process)]))
    before = set(scheduler.task_prefixes), sum(len(span.groups) for span in spans.values())
    list(dispatch(local, [Task(f"t{i}", process) for i in range(40)]))
    assert set(scheduler.task_prefixes) == before[0]
    assert sum(len(span.groups) for span in spans.values()) <= before[1] + 1  # one a dispatch


def test_of_many_tasks_a_worker_has_one_and_the_scheduler_the_others(local):
    results = dispatch(local, [Task(f"t{i}", slow_square, (i,)) for i in range(20)])
    held = [max(map(len, busy_workers(local).values()), default=0) for _ in results]
    assert max(held[5:]) == 1


def test_ctrl_c_cancels_and_returns_promptly(local, tmp_path):
    ended = [tmp_path / str(number) for number in range(8)]
    calls = enumerate((0.1 if path is ended[0] else 4, path) for path in ended)
    results = dispatch(local, [Task(f"waiting {i}", sleep_then_note, call) for i, call in calls])
    next(results)
    with pytest.raises(KeyboardInterrupt):
        results.throw(KeyboardInterrupt)
    assert not any(path.exists() for path in ended[1:])  # it did not wait for those that ran
    assert not [key for key in local.client.futures if "waiting" in key]
    until(lambda: not busy_workers(local))
    assert sum(path.exists() for path in ended[1:]) <= local.slots  # and those that waited were never begun


@pytest.mark.slow
def test_a_worker_that_dies_again_is_started_again(monkeypatch):
    """Dask closes the nanny of one that, some time after its first death, is just being started again."""
    monkeypatch.setitem(fleet.SETTINGS, "distributed.deploy.lost-worker-timeout", "500ms")
    with connect(Local(workers=1, memory="1GB")) as workers:
        for _ in range(2):
            [pid] = workers.each(os.getpid).values()
            os.kill(pid, signal.SIGKILL)
            workers.client.wait_for_workers(1, timeout=60)
            assert next(dispatch(workers, [Task("t", process)])).value != pid


def test_it_is_looked_for_workers_that_hang_more_often_than_they_may(local):
    looking = local.client.cluster.scheduler.periodic_callbacks["worker-ttl"]
    assert looking.is_running()
    assert looking.callback_time == 1000 * fleet.LOOK < 1000 * local.client.cluster.scheduler.worker_ttl


@pytest.mark.slow
def test_a_worker_that_hangs_is_given_up_and_its_task_done_elsewhere(monkeypatch):
    monkeypatch.setitem(fleet.SETTINGS, "distributed.scheduler.worker-ttl", "5s")
    with connect(Local(workers=2, memory="1GB")) as workers:
        [hung, _] = workers.each(os.getpid).values()
        results = dispatch(workers, [Task(f"t{i}", slow_square, (i,)) for i in range(12)])
        found = {next(results).value}
        os.kill(hung, signal.SIGSTOP)
        found |= {one.value for one in results}
        assert found == {i * i for i in range(12)}


def faults(times, size):
    """Fill fresh arrays, one after the other; return how many pages were mapped for it."""
    before = resource.getrusage(resource.RUSAGE_SELF).ru_minflt
    for _ in range(times):
        np.ones(size, np.uint8)
    return resource.getrusage(resource.RUSAGE_SELF).ru_minflt - before


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="it is glibc that is told")
def test_freed_memory_serves_the_next_array(local):
    """Dask's own setting has a worker map the pages of each array anew: 40 times all of them."""
    pages = 2**20 // resource.getpagesize()
    [first] = dispatch(local, [Task("faults", faults, (40, 2**20))])
    assert first.value < 10 * pages


def looks():
    """Return how often this worker is profiled and its loop's health looked at, in milliseconds."""
    every = get_worker().periodic_callbacks
    return every["profile"].callback_time, every["tick"].callback_time


def test_a_worker_looks_at_itself_seldom(local):
    """Dask's own settings take 3 % of a core."""
    [told] = dispatch(local, [Task("looks", looks)])
    assert told.value == (100, 200)


def test_configuration_environment_and_default_client_are_left_alone(tmp_path):
    before = copy.deepcopy(dask.config.config), dict(os.environ)
    with connect(Local(workers=1)) as workers:
        folder = Path(workers.log("0")).parent
        workers.logs.named = False
        assert dask.config.get("distributed.scheduler.worker-ttl") == "120s"
        assert dask.base.get_scheduler() is None
    assert (dask.config.config, dict(os.environ)) == before
    assert not folder.exists()


def test_a_cluster_that_cannot_start_says_why():
    with pytest.raises(
        ClusterNotStarted, match="1 local workers could not be started: No module named 'absent'"
    ):
        connect(Local(workers=1, options={"preload": ["absent"]})).__enter__()


def test_interrupting_a_program_ends_it_without_chatter(tmp_path):
    program, ended = tmp_path / "program.py", tmp_path / "ended"
    program.write_text(
        "import sys, time\n"
        "from pathlib import Path\n"
        "from cluster import Local, Task, connect, dispatch\n"
        "def long(path):\n"
        "    time.sleep(60)\n"
        "    Path(path).touch()\n"
        "if __name__ == '__main__':\n"
        "    with connect(Local(workers=1)) as workers:\n"
        "        print('ready', flush=True)\n"
        "        try:\n"
        "            list(dispatch(workers, [Task('long', long, (sys.argv[1],))]))\n"
        "        except KeyboardInterrupt:\n"
        "            print('interrupted', flush=True)\n"
        "            raise SystemExit(130) from None\n"
    )
    running = subprocess.Popen(
        [sys.executable, str(program), str(ended)],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
        env={**os.environ, "PYTHONPATH": str(Path(__file__).parents[2])},
    )
    with running:
        assert running.stdout.readline() == "ready\n"
        time.sleep(0.3)
        os.killpg(running.pid, signal.SIGINT)  # as a terminal does: the workers hear it too
        out, err = running.communicate()
    assert (out, err, running.returncode) == ("interrupted\n", "", 130)
    assert not ended.exists()  # it did not wait for the task


@pytest.mark.slow
def test_interrupted_while_it_starts_it_leaves_nothing_and_says_nothing(tmp_path):
    program = tmp_path / "program.py"
    program.write_text(
        "import os, signal\n"
        "from distributed import Nanny\n"
        "from cluster import Local, connect\n"
        "begin = Nanny.instantiate\n"
        "async def interrupted(nanny):\n"
        "    os.kill(os.getpid(), signal.SIGINT)\n"
        "    return await begin(nanny)\n"
        "if __name__ == '__main__':\n"
        "    Nanny.instantiate = interrupted\n"
        "    try:\n"
        "        with connect(Local(workers=1)):\n"
        "            pass\n"
        "    except KeyboardInterrupt:\n"
        "        raise SystemExit(130) from None\n"
    )
    ended = subprocess.run(
        [sys.executable, str(program)],
        check=False,
        capture_output=True,
        text=True,
        timeout=120,
        env={**os.environ, "PYTHONPATH": str(Path(__file__).parents[2]), "TMPDIR": str(tmp_path)},
    )
    assert (ended.stdout, ended.stderr, ended.returncode) == ("", "", 130)
    assert not list(tmp_path.glob("vox2pix-workers-*"))


@pytest.fixture
def foreign():
    """A scheduler with one worker in this process that is not ours."""
    with LocalCluster(
        n_workers=1,
        threads_per_worker=2,
        processes=False,
        protocol="tcp",
        dashboard_address="127.0.0.1:0",
        resources={"GPU": 1},
    ) as cluster:
        yield cluster


def at(cluster, **options):
    return Address(address=cluster.scheduler_address, options=options)


def test_an_address_is_used_and_left_running(foreign):
    for _ in range(2):
        with connect(at(foreign)) as workers:
            assert (workers.kind, workers.slots, workers.gpus) == ("address", 2, 1)
            tasks = [Task(f"t{i}", slow_square, (i, 0), Need(gpu=i == 1)) for i in range(4)]
            assert sorted(result.value for result in dispatch(workers, tasks)) == [0, 1, 4, 9]
    assert foreign.status.name == "running"
    assert len(foreign.workers) == 1


def test_a_lost_scheduler_is_told(foreign):
    with connect(at(foreign)) as workers:
        results = dispatch(
            workers, [Task(f"t{i}", slow_square, (i, 0.0 if i == 0 else 1.0)) for i in range(4)]
        )
        next(results)
        foreign.close()
        with pytest.raises(ClusterLost, match="run the same command again"):
            list(results)


def test_a_cluster_without_workers_is_given_up(foreign, monkeypatch):
    monkeypatch.setattr(client, "PATIENCE", 0.1)
    with connect(at(foreign)) as workers:
        results = dispatch(
            workers, [Task("a", slow_square, (1, 0)), Task("b", slow_square, (1, 2))], window=1
        )
        next(results)
        foreign.scale(0)
        with pytest.raises(ClusterLost, match="no worker for"):
            list(results)


@pytest.mark.parametrize("gives_up", ["we", "the scheduler"])
def test_a_gpu_that_stays_away_is_a_lost_cluster_though_others_work_on(foreign, monkeypatch, gives_up):
    """Dask alone has the task fail, or waits for ever, as its scheduler was told."""
    if gives_up == "we":
        monkeypatch.setattr(client, "PATIENCE", 0.1)
    else:
        monkeypatch.setattr(foreign.scheduler, "no_workers_timeout", 0.1)
    with connect(at(foreign)) as workers:
        tasks = [Task(f"t{i}", slow_square, (i, i / 2), Need(gpu=True)) for i in range(3)]
        results = dispatch(workers, tasks, window=1)
        next(results)
        foreign.worker_spec |= {"plain": foreign.new_spec | {"options": {"nthreads": 1}}}
        foreign.sync(foreign._correct_state)
        workers.client.wait_for_workers(2, timeout=30)
        foreign.worker_spec = {"plain": foreign.worker_spec["plain"]}
        foreign.sync(foreign._correct_state)
        with pytest.raises(ClusterLost, match="no worker with a GPU for 0 s") as caught:
            list(results)
        assert caught.value.exit_code == 4
        plain = dispatch(workers, [Task("plain", slow_square, (3, 1.5))])
        assert [one.value for one in plain] == [9]


def test_a_result_whose_worker_is_gone_says_that_there_is_none(foreign, monkeypatch):
    """Not that the scheduler went away: it is there."""
    monkeypatch.setattr(client, "PATIENCE", 0.1)
    monkeypatch.setattr(client, "FETCH", 0.1)
    with connect(at(foreign)) as workers:
        pending = workers.submit(slow_square, 3, 0, key="held")
        assert workers.outcome(pending).value == 9
        foreign.sync(next(iter(foreign.workers.values())).close, nanny=False)
        with pytest.raises(ClusterLost, match="no worker for"):
            workers.outcome(pending)


def test_workers_that_come_and_die_between_two_looks_were_there(foreign, monkeypatch):
    now = [0.0]
    monkeypatch.setattr(client, "monotonic", lambda: now[0])

    def vanish():
        foreign.scale(0)
        while workers.members():
            time.sleep(0.05)

    with connect(at(foreign)) as workers:
        vanish()
        workers.watch()
        now[0] += 0.8 * client.PATIENCE
        foreign.scale(1)
        workers.client.wait_for_workers(1, timeout=60)
        vanish()
        workers.watch()
        now[0] += 0.8 * client.PATIENCE
        workers.watch()
        now[0] += 0.3 * client.PATIENCE
        with pytest.raises(ClusterLost, match="no worker for 60 s"):
            workers.watch()


def fill(share, stay=0.0):
    """Hold so much of this worker's memory: for some seconds, or for ever."""
    worker = get_worker()
    time.sleep(1.0)  # so that the scheduler has heard that something runs here
    missing = int(share * worker.memory_manager.memory_limit) - psutil.Process().memory_info().rss
    kept = np.ones(missing, np.uint8)
    time.sleep(stay)
    if not stay:
        worker.kept = kept


@pytest.mark.slow
def test_a_worker_that_stays_paused_is_told_with_its_limit(monkeypatch):
    assert client.PATIENCE == 60.0
    monkeypatch.setattr(client, "PATIENCE", 3.0)
    with connect(Local(workers=1, memory="600MB")) as workers:
        list(dispatch(workers, [Task("busy", fill, (0.87, 8.0))]))  # paused, but at work
        list(dispatch(workers, [Task("full", fill, (0.87,))]))
        said = (
            r"worker 0 \(tcp://127.0.0.1:\d+\) has been paused for 3 s: memory is full at the limit of "
            r"600.0 MB; raise memory or lower workers in \[cluster\]\. Log: .*0.*log"
        )
        with pytest.raises(NeedUnmet, match=said):
            list(dispatch(workers, [Task(f"t{i}", slow_square, (i,)) for i in range(100)]))


def go_on_while_wanted(started, ended):
    Path(started).touch()
    deadline = time.monotonic() + 60
    while wanted() and time.monotonic() < deadline:
        time.sleep(0.05)
    Path(ended).write_text("in vain" if time.monotonic() < deadline else "at last")


@pytest.mark.parametrize("kind", ["threads", "address"])
def test_a_long_task_learns_that_nobody_waits_for_it(foreign, tmp_path, kind):
    started, ended = tmp_path / "started", tmp_path / "ended"
    assert wanted()
    with suppress(KeyboardInterrupt), connect(Threads() if kind == "threads" else at(foreign)) as workers:
        results = dispatch(workers, [Task("t", go_on_while_wanted, (started, ended)), Task("u", process)])
        next(results)
        while not started.exists():
            time.sleep(0.01)
        assert not ended.exists()
        results.close()
        raise KeyboardInterrupt
    until(lambda: ended.exists() and ended.read_text())
    assert ended.read_text() == "in vain"


@pytest.mark.parametrize("scheme", ["tcp", "tls"])
def test_an_address_nobody_answers_at_is_told(scheme):
    config = Address(address=f"{scheme}://127.0.0.1:9", options={"timeout": 0.5})
    with pytest.raises(ClusterNotStarted, match=r"no dask scheduler was reached at t.*:9 within 0.5 s"):
        connect(config).__enter__()


def test_a_scheduler_without_workers_is_told():
    with (
        LocalCluster(n_workers=0, processes=False, protocol="tcp", dashboard_address="127.0.0.1:0") as empty,
        pytest.raises(ClusterNotStarted, match="has no workers; start one with: dask worker"),
    ):
        connect(at(empty)).__enter__()
