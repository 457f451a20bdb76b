"""Contenders that do little, in a module that a new process can import."""

from __future__ import annotations

import pytest

CONTENDERS = """
import json, os, sys, time

def idle(*, seconds=0.0, check=1):
    print("prepared")
    def work():
        print("working")
        time.sleep(seconds)
        return {"check": check, "own": lambda: 7}
    return work

def fill(*, size):
    def work():
        held = b"x" * size
        return {"size": len(held)}
    return work

def fetch(*, root, options, name):
    from storage.remote import Location
    place = Location.of(f"{root}/{name}", options)
    place.stat()
    return lambda: {"size": len(place.read())}

def threads():
    return lambda: {"threads": os.environ["OMP_NUM_THREADS"]}

def fail():
    def work():
        raise ValueError("no such luck")
    return work

def stay():
    import threading
    threading.Thread(target=time.sleep, args=(600,)).start()
    raise ValueError("no such luck")

def unprepared():
    raise ValueError("nothing here")
"""


@pytest.fixture
def contenders(tmp_path, monkeypatch):
    """Make the module `contenders_of_tests` importable, here and in new processes."""
    (tmp_path / "contenders_of_tests.py").write_text(CONTENDERS)
    monkeypatch.syspath_prepend(tmp_path)
    return "contenders_of_tests"


@pytest.fixture
def result():
    """What a measurement returns, in small."""

    def run(contender, repeat, wall, **more):
        return {"contender": contender, "repeat": repeat, "wall": wall, "cpu": 1.0, "memory": 5e6, **more}

    goal = {"says": "time / plain", "value": {"contender": "vox2pix", "figure": "wall"}, "unit": 1.0}
    plain = {"contender": "plain", "figure": "wall"}
    case = {
        "name": "a <case>",
        "reference": "plain",
        "contenders": {"plain": {}, "vox2pix": {}, "slow": {}},
        "goals": [
            {**goal, "to": [plain], "most": 0.2},
            {**goal, "to": [plain, {"contender": "vox2pix", "figure": "cpu"}], "least": 0.5},
            {**goal, "to": [{"contender": "slow", "figure": "wall"}], "most": 1.0},
            {
                "says": "memory",
                "value": {"contender": "vox2pix", "figure": "memory"},
                "to": [],
                "unit": 1e6,
                "most": 10,
            },
        ],
        "runs": [
            run("plain", 0, 10.0, bytes=100, requests=1, check=1),
            run("vox2pix", 0, 1.0, bytes=10, requests=4, check=1),
            run("vox2pix", 1, 4.0, bytes=10, requests=4, check=1),
            run("plain", 1, 20.0, bytes=100, requests=1),
            run("vox2pix", 2, 3.0, bytes=10, requests=4, check=1),
            {"contender": "slow", "repeat": 0, "stopped": 300.0, "bytes": 2e6, "requests": 9},
        ],
    }
    return {
        "scenario": "tiny",
        "probes": "Nothing.",
        "command": "python -m nothing",
        "commit": "abc",
        "began": "2026-01-01T00:00:00+00:00",
        "seconds": 3,
        "machine": {"cpu": "CPU", "usable_cores": 2, "memory_bytes": 2**34},
        "load": {"before": 0.1, "after": 0.2},
        "size": {"grid": [2, 3], "seed": 0},
        "cases": [case],
    }
