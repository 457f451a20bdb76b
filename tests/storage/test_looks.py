"""Looks at stores: none twice within a context, all at once where that is asked, and always fresh outside."""

from __future__ import annotations

import pickle
import threading

import pytest

from storage.errors import Missing, Unreachable
from storage.looks import AT_ONCE, Looks, ahead, once, together
from storage.remote import Location
from storage.simulate.serve import serve
from storage.transfer import traffic


@pytest.fixture
def bucket(tmp_path, monkeypatch):
    """Yield a folder, its place on a server, and the requests that come."""
    asked = []
    for name in ("NO_PROXY", "no_proxy"):
        monkeypatch.setenv(name, "127.0.0.1,localhost")
    (tmp_path / "folder").mkdir()
    (tmp_path / "folder/file").write_bytes(b"12345")
    with serve({"b": tmp_path}, before=asked.append) as server:
        yield tmp_path, Location.of("s3://b", server.options) / "folder", asked


def test_what_was_answered_is_not_asked_again(bucket):
    folder, place, asked = bucket
    with Looks() as looks:
        first = place.parent.folders(), dict(place.files(recursive=False)), (place / "file").stat()
        missing = (place / "none").stat_or_none()
        (folder / "folder/file").write_bytes(b"123")
        (folder / "folder/none").write_bytes(b"")
        before = len(asked)
        with looks:
            again = place.parent.folders(), dict(place.files(recursive=False)), (place / "file").stat()
        assert (again, (place / "none").stat_or_none()) == (first, missing)
        assert len(asked) == before
        assert before == 3  # two listings, which tell of the file as well, and what is not there
    assert (place / "file").stat().size == 3
    assert (place / "none").exists()


def test_content_is_never_kept(bucket):
    folder, place, _ = bucket
    with Looks():
        assert (place / "file").read() == b"12345"
        (folder / "folder/file").write_bytes(b"67")
        assert (place / "file").read() == b"67"


def test_other_threads_and_copies_look_for_themselves(bucket):
    _, place, asked = bucket
    with Looks() as looks:
        (place / "file").stat()
        thread = threading.Thread(target=(place / "file").stat)
        thread.start()
        thread.join()
        with pickle.loads(pickle.dumps(looks)):
            (place / "file").stat()
    assert len(asked) == 3


def test_a_fault_that_may_pass_is_no_answer():
    told = iter([Unreachable("busy"), Missing("gone"), None])

    def ask():
        if (fault := next(told)) is not None:
            raise fault

    with Looks():
        with pytest.raises(Unreachable):
            once("it", ask)
        for _ in range(3):
            with pytest.raises(Missing):
                once("it", ask)


def test_all_at_once_and_each_but_once(bucket):
    _, place, asked = bucket
    place.folders()  # that the bucket is there
    asked.clear()
    meet = threading.Barrier(3)

    def ask():
        return once("it", lambda: meet.wait(30))

    def other():
        meet.wait(30)
        return traffic.account

    with Looks():
        assert together(other, other, ask)[:2] == [traffic.account] * 2
        ahead(*[(place / "file").stat, (place / "none").stat] * AT_ONCE)
        assert len(asked) == 2
        with pytest.raises(Missing):
            together((place / "file").stat, (place / "none").stat)
        assert len(asked) == 2
    ahead((place / "file").stat)  # nobody would hear the answer
    assert len(asked) == 2
    assert together() == []
