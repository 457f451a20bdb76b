"""What holds for every kind of workers."""

from __future__ import annotations

import itertools
import threading
import time
from contextvars import copy_context
from pathlib import Path

import numpy as np
import pytest
from threadpoolctl import threadpool_info

from cluster import Need, NeedUnmet, Task, TaskFailed, Threads, connect, dispatch, errors, share_done


class UserError(Exception):
    exit_code = 3


def square(number):
    return number * number


def blas_threads():
    np.ones((4, 4)) @ np.ones((4, 4))
    return [library["num_threads"] for library in threadpool_info()]


def fail_with(error):
    raise error


def leave():
    raise SystemExit(0)


def fail_until(count, folder):
    """Fail until this was called `count` times; each call leaves a file."""
    calls = len(list(Path(folder).iterdir()))
    (Path(folder) / str(calls)).touch()
    if calls < count:
        raise OSError(f"call {calls} fails")
    return calls


def note_start(folder, number):
    (Path(folder) / str(number)).touch()
    time.sleep(0.02)
    return number


def test_results_come_with_key_time_and_tries(workers):
    results = list(dispatch(workers, [Task(f"block {i}", square, (i,)) for i in range(20)]))
    assert {result.key: result.value for result in results} == {f"block {i}": i * i for i in range(20)}
    assert all(result.tries == 1 and 0 <= result.seconds < 10 for result in results)


def test_same_task_runs_again_each_time(workers, tmp_path):
    task = Task("count", fail_until, (0, tmp_path))
    assert [next(dispatch(workers, [task])).value for _ in range(3)] == [0, 1, 2]


def half_done(seconds):
    """Say so from a thread that reads ahead, too early, then when it may."""
    from cluster import share_done

    for share in (0.25, 0.5):
        threading.Thread(target=copy_context().run, args=(share_done, share)).start()
        time.sleep(seconds)
    return "done"


def test_what_is_done_of_a_running_task_is_heard(workers):
    heard = []
    tasks = [Task("long", half_done, (1.5,)), Task("short", square, (3,))]
    found = {one.key: one.value for one in dispatch(workers, tasks, on_share=heard.append)}
    assert found == {"long": "done", "short": 9}
    assert {"long": 0.5} in heard
    assert all(shares == {"long": 0.5} for shares in heard)
    assert not workers.shares


def test_outside_a_task_nobody_hears(workers):
    share_done(0.5)
    assert not workers.shares


def test_nothing_to_do(workers):
    assert list(dispatch(workers, [])) == []


def test_blas_has_one_thread(workers):
    counts = next(dispatch(workers, [Task("blas", blas_threads)])).value
    assert counts
    assert set(counts) == {1}


@pytest.mark.parametrize("window", [1, 3, None])
def test_window_bounds_what_was_started(workers, tmp_path, window):
    size = window or 2 * workers.slots + 1
    read = itertools.count()
    tasks = (Task(f"block {next(read)}", note_start, (tmp_path, i)) for i in range(12))
    taken = 0
    for _ in dispatch(workers, tasks, window=window):
        taken += 1
        time.sleep(0.05)
        assert len(list(tmp_path.iterdir())) <= taken + size
    assert taken == 12


def test_window_bounds_what_is_read_ahead(workers):
    read = []
    tasks = (read.append(i) or Task(f"block {i}", square, (i,)) for i in range(100))
    results = dispatch(workers, tasks, window=4)
    next(results)
    assert len(read) == 5
    results.close()


def test_window_raises_on_nothing(workers):
    with pytest.raises(ValueError, match="window is 0"):
        dispatch(workers, [], window=0)


def test_transient_failures_are_tried_again(workers, tmp_path):
    told = []
    tasks = [Task("flaky", fail_until, (2, tmp_path))]
    (result,) = dispatch(workers, tasks, on_retry=lambda *args: told.append(args))
    assert (result.value, result.tries) == (2, 3)
    assert told == [("flaky", "OSError: call 0 fails"), ("flaky", "OSError: call 1 fails")]


def test_lasting_failures_name_task_and_log(workers, tmp_path):
    with pytest.raises(
        TaskFailed, match=r"'flaky': it failed 3 times.* OSError: call 2 fails. Log: "
    ) as caught:
        list(dispatch(workers, [Task("flaky", fail_until, (9, tmp_path))]))
    assert len(list(tmp_path.iterdir())) == 3
    assert isinstance(caught.value.__cause__, OSError)
    assert (caught.value.exit_code, caught.value.task) == (1, "flaky")
    assert caught.value.log in str(caught.value)


def test_memory_errors_name_the_setting(workers):
    with pytest.raises(TaskFailed, match=r"MemoryError.*raise memory or lower workers in \[cluster\]"):
        list(dispatch(workers, [Task("big", fail_with, (MemoryError(),))]))


def test_sys_exit_in_a_task_is_a_failure(workers):
    with pytest.raises(TaskFailed, match="SystemExit"):
        list(dispatch(workers, [Task("leaving", leave)]))


def test_user_errors_come_as_they_are_and_once(workers):
    told = []
    tasks = [Task("bad", fail_with, (UserError("voxel 17 is NaN"),))]
    with pytest.raises(UserError, match="voxel 17 is NaN"):
        list(dispatch(workers, tasks, on_retry=lambda *args: told.append(args)))
    assert told == []


def test_failure_cancels_what_waits_and_keeps_what_is_done(workers, tmp_path):
    bad = Task("bad", fail_with, (UserError("no"),))
    tasks = [
        Task("good", square, (3,)),
        bad,
        *(Task(f"late {i}", note_start, (tmp_path, i)) for i in range(50)),
    ]
    results = []
    with pytest.raises(UserError):
        results.extend(dispatch(workers, tasks, window=2))
    time.sleep(0.2)
    assert len(list(tmp_path.iterdir())) <= 3


def test_a_task_that_cannot_be_done_spares_the_others(workers):
    tasks = [Task("bad", fail_with, (OSError("no"),)), *(Task(f"good {i}", square, (i,)) for i in range(30))]
    results = []
    with pytest.raises(TaskFailed, match="'bad': it failed 3 times"):
        results.extend(dispatch(workers, tasks))
    assert {one.key: one.value for one in results} == {f"good {i}": i * i for i in range(30)}


def test_a_second_task_that_cannot_be_done_ends_it(workers, tmp_path):
    tasks = [
        *(Task(f"bad {i}", fail_with, (OSError("no"),)) for i in range(2)),
        *(Task(f"late {i}", note_start, (tmp_path, i)) for i in range(50)),
    ]
    with pytest.raises(TaskFailed, match="'bad 0'") as caught:
        list(dispatch(workers, tasks, window=1))
    assert (caught.value.task, str(caught.value.__cause__)) == ("bad 0", "no")
    assert list(tmp_path.iterdir()) == []


def test_workers_are_fit_for_more_after_a_failure(workers):
    with pytest.raises(UserError):
        list(dispatch(workers, [Task("bad", fail_with, (UserError("no"),))]))
    assert next(dispatch(workers, [Task("good", square, (3,))])).value == 9


def test_too_large_a_need_is_refused_before_anything_runs(workers, tmp_path):
    large = Need(memory=workers.ceiling)
    tasks = [Task("small", note_start, (tmp_path, 0)), Task("large", square, (1,), large)]
    with pytest.raises(NeedUnmet, match=r"'large' needs about .*B of memory.*90% of its limit .*\[cluster\]"):
        dispatch(workers, tasks)
    assert list(tmp_path.iterdir()) == []


def test_too_large_a_need_of_an_iterator_is_refused_when_it_is_read(workers):
    tasks = iter([Task("large", square, (1,), Need(memory=workers.ceiling))])
    with pytest.raises(NeedUnmet):
        next(dispatch(workers, tasks))


def test_gpu_is_refused_where_there_is_none(workers):
    with pytest.raises(NeedUnmet, match="'net' needs a GPU"):
        dispatch(workers, [Task("net", square, (1,), Need(gpu=True))])


def test_a_need_that_fits_is_met(workers):
    need = Need(memory=int(0.8 * workers.ceiling))
    assert next(dispatch(workers, [Task("fits", square, (2,), need)])).value == 4


def test_threads_restore_blas():
    np.ones((4, 4)) @ np.ones((4, 4))
    before = threadpool_info()
    with connect(Threads(workers=1, threads=2)) as workers:
        assert workers.slots == 2  # two tasks at once, each on one BLAS thread
        assert set(next(dispatch(workers, [Task("blas", blas_threads)])).value) == {1}
    assert threadpool_info() == before


def test_threads_share_the_memory_given():
    with connect(Threads(workers=4, memory="8GB")) as workers:
        assert (workers.slots, workers.memory, workers.ceiling) == (4, 2 * 10**9, 8 * 10**9)


def test_threads_that_are_closed_say_so():
    with connect(Threads(workers=1)) as workers:
        pass
    with pytest.raises(errors.ClusterLost, match="closed"):
        next(dispatch(workers, [Task("late", square, (1,))]))


def test_threads_options_reach_the_pool():
    with pytest.raises(errors.ClusterConfigError, match="bogus"):
        connect(Threads(options={"bogus": 1})).__enter__()
