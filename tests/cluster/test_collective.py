"""Several processes at one task: who is who, where they meet, and what happens when one is lost."""

from __future__ import annotations

import os
import signal
import time
from pathlib import Path

import pytest

from cluster import NeedUnmet, Seat, TaskFailed, Threads, collective, connect, seat, seated, together


class Wrong(ValueError):
    """A mistake of the user's."""

    exit_code = 2


def introduce():
    place = seat()
    return place.rank, place.size, place.host, os.getpid(), place.meeting


def tell_port():
    place = seat()
    if place.rank == 0:
        time.sleep(0.2)
        place.publish(4321)
    return place.port()


def meet(folder, do=""):
    """Wait for the other by a file each, as processes of a group do; fail when it is gone."""
    place, folder = seat(), Path(folder)
    folder.joinpath(f"{place.rank}-{os.getpid()}").touch()
    first = not folder.joinpath("did").exists()
    if do and place.rank == 1 and (first or "always" in do):
        folder.joinpath("did").touch()
        if do.startswith("die"):
            os.kill(os.getpid(), signal.SIGKILL)
        raise Wrong("lower it") if do == "wrong" else OSError("broken")
    if do and place.rank == 0 and first:
        time.sleep(0.5)
        raise ConnectionError("the other one is gone")
    return place.rank


def test_outside_there_is_one_seat():
    assert seat() == Seat(0, 1)
    with seated(Seat(1, 2)):
        assert seat().rank == 1
    assert seat().rank == 0


def test_each_is_another_process_with_its_rank(local):
    found = together(local, "train", introduce, size=2)
    assert [(rank, size) for rank, size, *_ in found] == [(0, 2), (1, 2)]
    assert {host for _, _, host, _, _ in found} == {"127.0.0.1"}
    assert len({process for _, _, _, process, _ in found}) == 2
    assert len({meeting for *_, meeting in found}) == 1


def test_the_first_tells_the_others_its_port(local):
    assert together(local, "train", tell_port, size=2) == [4321, 4321]


def test_more_processes_than_workers_are_refused(local):
    with pytest.raises(NeedUnmet, match=r"3 processes are to train together.*'local' cluster has 2"):
        together(local, "train", introduce, size=3)


def test_threads_can_not_work_together():
    with (
        connect(Threads(workers=1)) as workers,
        pytest.raises(NeedUnmet, match="'threads' cluster has 1"),
    ):
        together(workers, "train", introduce, size=2)


@pytest.mark.parametrize("do", ["die", "fail"])
def test_all_begin_again_after_one_was_lost(local, tmp_path, do):
    told = []
    found = together(local, "train", meet, (tmp_path, do), size=2, on_retry=lambda *what: told.append(what))
    assert found == [0, 1]
    ((key, reason),) = told
    assert key == "train"
    assert (
        "died" in reason
        if do == "die"
        else reason
        in {
            "OSError: broken",
            "ConnectionError: the other one is gone",
        }
    )


def test_what_is_meant_for_the_user_ends_it(local, tmp_path):
    with pytest.raises(Wrong, match="lower it"):
        together(local, "train", meet, (tmp_path, "wrong"), size=2)
    assert len(list(tmp_path.glob("1-*"))) == 1


def test_what_fails_always_is_told_with_its_log(local, tmp_path, monkeypatch):
    monkeypatch.setattr(collective, "FOLLOW", 5.0)
    with pytest.raises(TaskFailed, match=r"'train', done by several.*began 2 times.*broken.*Log: ") as caught:
        together(local, "train", meet, (tmp_path, "fail always"), size=2, retries=1)
    assert caught.value.exit_code == 1
