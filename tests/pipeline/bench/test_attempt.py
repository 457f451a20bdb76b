"""One attempt: a new process that is measured, stopped when it takes too long, and told of when it fails."""

from __future__ import annotations

import os
import time

import psutil
import pytest

from pipeline.bench import attempt as attempts
from pipeline.bench.attempt import attempt
from pipeline.bench.scenario import Contender
from storage.simulate.serve_apart import serve_apart


def contender(module, function, **more):
    return Contender(function, f"{module}:{function}", **more)


def test_an_attempt_has_figures_and_the_works_own(contenders):
    found = attempt(
        contender(contenders, "idle"), {"seconds": 0.05, "check": 3}, packages=["numpy", "nobody"]
    )
    assert found["wall"] >= 0.05 > found["cpu"] >= 0
    assert (found["check"], found["own"]) == (3, 7)
    assert set(found["versions"]) == {"python", "numpy"}
    assert "bytes" not in found


@pytest.mark.skipif(not os.path.exists("/proc/self/clear_refs"), reason="Linux alone forgets a peak")  # noqa: PTH110
def test_memory_is_the_growth_of_the_peak(contenders):
    found = attempt(contender(contenders, "fill"), {"size": 50_000_000})
    assert 48e6 < found["memory"] < 60e6  # the kernel counts pages in batches


def test_the_servers_bytes_and_requests_are_those_of_the_work_alone(contenders, tmp_path):
    (tmp_path / "served").mkdir()
    (tmp_path / "served" / "file").write_bytes(bytes(1234))
    with serve_apart({"bucket": tmp_path / "served"}) as server:
        given = {"root": "s3://bucket", "options": server.options, "name": "file"}
        found = attempt(contender(contenders, "fetch"), given, server)
    assert (found["size"], found["bytes"], found["requests"]) == (1234, 1234, 1)


@pytest.mark.parametrize("threads", [1, 3])
def test_threads_are_as_asked(contenders, threads):
    assert attempt(contender(contenders, "threads", threads=threads), {})["threads"] == str(threads)


def test_who_takes_too_long_is_stopped(contenders):
    began = time.monotonic()
    found = attempt(contender(contenders, "idle", limit=1.0), {"seconds": 60})
    assert found == {"stopped": 1.0}
    assert time.monotonic() - began < 30
    assert not [each for each in psutil.Process().children() if "pipeline.bench.work" in each.cmdline()]


def test_who_fails_and_does_not_end_says_why(contenders, monkeypatch):
    monkeypatch.setattr(attempts, "GOODBYE", 2.0)
    found = attempt(contender(contenders, "stay"), {})
    assert found == {"failed": "ValueError: no such luck"}


def test_who_fails_says_why(contenders):
    assert attempt(contender(contenders, "fail"), {}) == {"failed": "ValueError: no such luck"}
    assert attempt(contender(contenders, "unprepared"), {}) == {"failed": "ValueError: nothing here"}
    missing = attempt(Contender("none", "no_such_module:work"), {})
    assert missing == {"failed": "ModuleNotFoundError: No module named 'no_such_module'"}
