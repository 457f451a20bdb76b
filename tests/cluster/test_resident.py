"""Models that stay in a worker: loaded once, given up by least use, there again after a kill."""

from __future__ import annotations

import os
import signal
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from threading import Barrier

import pytest

from cluster import Key, Need, NeedUnmet, Task, check, dispatch, resident
from cluster.resident import Shelf

A, B, C = (Key(name) for name in "abc")


def load_and_note(folder, name):
    Path(folder, f"{name}-{os.getpid()}-{time.monotonic_ns()}").touch()
    time.sleep(0.05)
    return [name]


def use(folder, name="net", kill=False):
    """Ask for a model and answer with its name; die once, if asked to."""
    if kill and not Path(folder, "killed").exists():
        Path(folder, "killed").touch()
        os.kill(os.getpid(), signal.SIGKILL)
    model = resident(Key(name), lambda: load_and_note(folder, name), 1000)
    time.sleep(0.05)
    return os.getpid(), model[0]


def loads(folder):
    """Return the process of each load."""
    return [int(path.name.split("-")[1]) for path in Path(folder).glob("net-*")]


def test_threads_that_ask_at_once_share_one_load(tmp_path):
    shelf, together = Shelf(None), Barrier(8)

    def ask(_):
        together.wait()
        return shelf.get(A, lambda: load_and_note(tmp_path, "net"), 1)

    with ThreadPoolExecutor(8) as threads:
        found = list(threads.map(ask, range(8)))
    assert len(loads(tmp_path)) == 1
    assert all(model is found[0] for model in found)


@pytest.mark.parametrize("change", [{"revision": "2"}, {"dtype": "float16"}, {"device": "cuda:0"}])
def test_what_differs_in_any_part_of_the_key_is_another_model(change):
    shelf = Shelf(None)
    one = shelf.get(Key("a"), object, 1)
    assert shelf.get(Key("a", **change), object, 1) is not one
    assert shelf.get(Key("a"), object, 1) is one


def test_the_model_used_longest_ago_goes_first():
    shelf = Shelf(1000)  # 700 bytes for models
    for key in (A, B):
        shelf.get(key, object, 300)
    shelf.get(A, object, 300)
    shelf.get(C, object, 300)
    assert shelf.keys() == [A, C]
    assert shelf.size == 600


def test_a_model_given_up_is_loaded_again():
    shelf = Shelf(1000)
    first = shelf.get(A, object, 600)
    shelf.get(B, object, 600)
    assert shelf.get(A, object, 600) is not first


def test_a_load_that_fails_leaves_nothing_behind():
    shelf = Shelf(None)
    with pytest.raises(ZeroDivisionError):
        shelf.get(A, lambda: 1 // 0, 1)
    assert shelf.keys() == []
    assert shelf.get(A, lambda: "well", 1) == "well"


def test_a_model_that_would_fill_the_worker_is_refused_with_both_numbers():
    shelf = Shelf(1_150_000_000)
    with pytest.raises(NeedUnmet, match=r"a \(float32 on cpu\) takes 1\.0 GB.*805\.0 MB.*70% .* 1\.1 GB"):
        shelf.get(A, object, 1_000_000_000)
    assert shelf.keys() == []


def test_it_is_refused_before_anything_is_submitted(local):
    check(local, {"fits": Need(resident=1_399_000_000)})
    with pytest.raises(NeedUnmet, match=r"of task 'large' takes 1\.5 GB.*1\.4 GB of a worker"):
        check(local, {"large": Need(resident=1_500_000_000)})


def test_a_worker_loads_once_whatever_it_is_asked(local, tmp_path):
    tasks = [Task(f"t{at}", use, (tmp_path,)) for at in range(12)]
    processes = {result.value[0] for result in dispatch(local, tasks)}
    assert sorted(loads(tmp_path)) == sorted(processes)


def ask(folder, names, size):
    """Ask for models in turn, and return how often each was loaded."""
    for name in names:
        resident(Key(name), lambda name=name: load_and_note(folder, name), size)
    return [len([*Path(folder).glob(f"{name}-*")]) for name in sorted(set(names))]


def test_a_worker_gives_up_the_model_used_longest_ago(local, tmp_path):
    (result,) = dispatch(local, [Task("t", ask, (tmp_path, "aabba", 800_000_000))])  # of 2 GB, one has room
    assert result.value == [2, 1]


def test_a_worker_that_was_killed_loads_again(local, tmp_path):
    tasks = [Task(f"t{at}", use, (tmp_path, "net", at == 5)) for at in range(16)]
    found = [result.value for result in dispatch(local, tasks)]
    assert len(found) == 16
    assert {name for _, name in found} == {"net"}
    assert len(loads(tmp_path)) == len(set(loads(tmp_path)))  # once a process, the new one too
