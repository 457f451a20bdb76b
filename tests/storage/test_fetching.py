"""Many ranges through bad weather: exact bytes, true counts, one version of the file, bounded memory."""

from __future__ import annotations

import threading
import time

import numpy as np
import pytest

from storage import fetching
from storage.errors import Changed, Invalid, Unreachable
from storage.fetching import AHEAD, HELD, fetched
from storage.patience import Patience
from storage.remote import Location
from storage.simulate.serve import serve
from storage.simulate.weather import Weather
from storage.transfer import traffic

SIZE = 3_000_000


@pytest.fixture
def content(tmp_path, monkeypatch):
    """Write a file, and wait shortly where a server is out of order."""
    monkeypatch.setattr("storage.patience.FIRST", 0.002)
    for name in ("NO_PROXY", "no_proxy"):
        monkeypatch.setenv(name, "127.0.0.1,localhost")
    (tmp_path / "file").write_bytes(np.random.default_rng(0).bytes(SIZE))
    return (tmp_path / "file").read_bytes()


def spans(count, length, seed=0):
    starts = np.random.default_rng(seed).integers(0, SIZE - length, count)
    return [(start, length) for start in starts.tolist()]


def test_refusals_and_cut_bodies_leave_every_byte_right_and_counted(tmp_path, content):
    asked = spans(250, 9_000)
    with serve({"b": tmp_path}, Weather(refused=0.4, cut=0.2, seed=3)) as server:
        place = Location.of("s3://b/file", server.options)
        etag = place.stat().etag
        before = traffic.bytes, traffic.requests, server.requests
        found = list(place.ranges(asked, etag))
        counted = traffic.bytes - before[0], traffic.requests - before[1]
        assert found == [content[start : start + length] for start, length in asked]
        # A body that was cut goes on where it ended, so no byte comes twice.
        assert counted == (250 * 9_000, server.requests - before[2])
        assert counted[1] > 400
        assert place.read() == content
        assert place.read(-5_000) == content[-5_000:]
        assert b"".join(place.pieces()) == content


def test_a_server_that_only_refuses_is_given_up(tmp_path, content, monkeypatch):
    monkeypatch.setattr("storage.s3.RETRY_SECONDS", 0.2)
    with serve({"b": tmp_path}, Weather(refused=1)) as server:
        place = Location.of("s3://b/file", server.options)
        with pytest.raises(Unreachable, match="503"):
            list(place.ranges([(0, 10), (20, 10)]))


@pytest.mark.parametrize("where", ["folder", "s3"])
def test_an_object_replaced_in_the_middle(tmp_path, content, where):
    with serve({"b": tmp_path}) as server:
        place = (
            Location.of(tmp_path / "file")
            if where == "folder"
            else Location.of("s3://b/file", server.options)
        )
        parts = place.ranges(spans(2_000, 500), place.stat().etag)
        assert len(next(parts)) == 500
        (tmp_path / "file").write_bytes(content[::-1])
        with pytest.raises(Changed, match=r"was written while it was read; .* run again") as told:
            list(parts)
        assert "\n" not in str(told.value)


@pytest.mark.parametrize("where", ["folder", "s3"])
def test_a_range_past_the_end(tmp_path, content, where):
    with serve({"b": tmp_path}) as server:
        place = (
            Location.of(tmp_path / "file")
            if where == "folder"
            else Location.of("s3://b/file", server.options)
        )
        with pytest.raises(Invalid, match=r"ends 5 bytes before .* the file is truncated"):
            list(place.ranges([(0, 7), (SIZE - 5, 10)]))


def test_what_is_fetched_and_not_taken_is_bounded():
    asked, lock = [], threading.Lock()

    def read(start, length, given_up):
        with lock:
            asked.append(start)
        return bytes(1)

    large = fetched(read, [(at, HELD // 8) for at in range(100)])
    next(large)
    time.sleep(0.1)
    assert len(asked) <= 9
    large.close()
    small = fetched(read, [(at, 10) for at in range(2 * AHEAD)])
    next(small)
    time.sleep(0.1)
    assert len(asked) <= 9 + AHEAD + 1


def test_who_stops_asking_does_not_wait_for_what_is_tried_again():
    def read(start, length, given_up):
        if start:
            assert given_up.wait(60)
        return b"x"

    parts = fetched(read, [(0, 1), (1, 1), (2, 1)])
    assert next(parts) == b"x"
    began = time.monotonic()
    parts.close()
    assert time.monotonic() - began < 30


def test_a_failure_ends_all(monkeypatch):
    monkeypatch.setattr(fetching, "IN_FLIGHT", 4)
    monkeypatch.setattr(fetching, "AHEAD", 8)
    done = []

    def read(start, length, given_up):
        if start == 3:
            raise Unreachable("gone")
        done.append(start)
        return b""

    with pytest.raises(Unreachable, match="gone"):
        list(fetched(read, [(at, 1) for at in range(1_000)]))
    assert len(done) < 100


def test_patience_ends_and_begins_anew_with_progress(monkeypatch):
    now = [0.0]
    monkeypatch.setattr("time.monotonic", lambda: now[0])
    patience = Patience(10, threading.Event(), _since=0.0)
    monkeypatch.setattr(patience.given_up, "wait", lambda seconds: now.__setitem__(0, now[0] + 1) or False)
    assert [patience.wait() for _ in range(12)] == [True] * 10 + [False] * 2
    patience.progress()
    assert patience.wait()
    patience.given_up.set()
    monkeypatch.undo()
    assert not Patience(1e9, patience.given_up).wait()
