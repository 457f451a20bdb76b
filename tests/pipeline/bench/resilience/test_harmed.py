"""The scenario `resilience`: who is harmed, what is kept, and that blocks leave nothing in memory."""

from __future__ import annotations

import pytest

from pipeline.bench.attempt import attempt
from pipeline.bench.resilience.problem import digest, write
from pipeline.bench.resilience.scenario import QUICK, sized


def contenders(name):
    (case,) = [case for case in sized().cases if case.name == name]
    return case.contenders


def test_goals_are_those_that_were_set():
    killed, frozen, driver, blocks = sized().cases
    assert [(goal.least, goal.most, goal.unit) for goal in killed.goals] == [(n, n, 4) for n in (1, 3, 12)]
    assert [contender.given["times"] for contender in killed.contenders] == [0, 1, 3, 12]
    assert [(case.goals[0].value.figure, case.goals[0].most) for case in (frozen, driver, blocks)] == [
        ("late", 60),
        ("again", 0),
        ("resident", 1.1),
    ]
    for case in sized().cases:
        names = {contender.name for contender in case.contenders}
        assert all({goal.value.contender, *(of.contender for of in goal.to)} <= names for goal in case.goals)


def test_archives_are_told_apart(tmp_path):
    chunk = tmp_path / "s1" / "betas" / "0" / "data" / "betas" / "c" / "0"
    chunk.parent.mkdir(parents=True)
    chunk.write_bytes(b"one")
    first = digest(tmp_path)
    (tmp_path / "s1" / "betas" / "0" / "product.json").write_text("when and where")
    assert digest(tmp_path) == first
    chunk.write_bytes(b"other")
    assert digest(tmp_path) != first


@pytest.mark.slow
def test_a_driver_killed_in_the_benchmark(tmp_path):
    write(tmp_path, QUICK)
    found = attempt(contenders("the driver killed")[1], {"folder": str(tmp_path), "share": 0.1})
    assert found["harmed"] == 1
    assert found["kept"] > 0
    assert found["again"] == 0


@pytest.mark.slow
@pytest.mark.timeout(900)
def test_ten_thousand_blocks_leave_little_in_client_and_scheduler(tmp_path):
    """What dask kept of a prefix of keys for each block was 8 kB, of a group of keys 2 kB."""
    (contender,) = contenders("memory of client and scheduler")
    found = attempt(contender, {"folder": "", **contender.given})
    assert found["tasks"] == 10_000
    assert found["resident"] < 1.15 * found["early"]
