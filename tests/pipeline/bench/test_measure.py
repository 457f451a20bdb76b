"""A scenario is measured in turns, and its JSON holds all that tables need."""

from __future__ import annotations

import json
from contextlib import contextmanager

from pipeline.bench.measure import measure
from pipeline.bench.plot import svg
from pipeline.bench.scenario import Case, Contender, Goal, Ground, Of, Scenario
from pipeline.bench.table import markdown
from pipeline.bench.verdict import disagreements, judge


def test_contenders_take_turns_and_all_is_kept(contenders, tmp_path):
    told = []

    @contextmanager
    def ground(folder, size):
        assert size == {"seed": 5}
        told.append(folder)
        yield Ground({"check": 1})

    def idle(name, **more):
        return Contender(name, f"{contenders}:idle", **more)

    case = Case(
        "waiting",
        (idle("short"), idle("long", given={"check": 2}), idle("once", given={"seconds": 0.1}, repeats=1)),
        (Goal("time", Of("once"), (Of("short"), Of("long")), least=1),),
        given={"seconds": 0.01},
    )
    scenario = Scenario("wait", "How long.", {"seed": 5}, (case,), ground, ("numpy",))
    result = json.loads(json.dumps(measure(scenario, tmp_path, repeats=2, command="wait", heard=told.append)))
    (found,) = result["cases"]
    order = [(run["contender"], run["repeat"]) for run in found["runs"]]
    assert order == [("short", 0), ("long", 0), ("once", 0), ("long", 1), ("short", 1)]
    assert told[0] == tmp_path
    assert len(told) == 6
    assert result["software"][""].keys() == {"python", "numpy"}
    assert result["machine"]["usable_cores"] >= 1
    assert [verdict.met for verdict in judge(result)] == [True]
    assert disagreements(result) == ["waiting: short 1, long 2, once 1"]
    assert "They disagree" in markdown(result)
    assert svg(result).startswith("<svg")
