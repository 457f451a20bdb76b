"""A scenario is measured in turns, and its JSON holds all that tables need."""

from __future__ import annotations

import json
from contextlib import contextmanager

from pipeline.bench.catalogue import joined
from pipeline.bench.measure import measure
from pipeline.bench.plot import svg
from pipeline.bench.scenario import Case, Contender, Goal, Ground, Of, Scenario
from pipeline.bench.sections import markdown
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
    rows = [{"what": "waits", "times": 1234, "seconds": 0.5}]
    scenario = Scenario("wait", "How long.", {"seed": 5}, (case,), ground, ("numpy",), rows)
    result = json.loads(json.dumps(measure(scenario, tmp_path, repeats=2, command="wait", heard=told.append)))
    assert "| waits | 1,234 | 0.5 |" in markdown(result)
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


def test_what_was_found_is_handed_out_after_each_case(contenders, tmp_path):
    @contextmanager
    def ground(_folder, _size):
        yield Ground()

    cases = tuple(Case(name, (Contender("only", f"{contenders}:idle"),)) for name in ("first", "second"))
    kept = []

    def keep(result):
        kept.append(json.loads(json.dumps(result)))

    whole = measure(Scenario("two", "Two.", {}, cases, ground), tmp_path, repeats=1, kept=keep)
    assert [[case["name"] for case in part["cases"]] for part in kept] == [["first"], ["first", "second"]]
    assert kept[-1] == whole
    assert "### first" in markdown(kept[0])


def test_a_case_measured_again_stands_beside_the_others_and_says_when(contenders, tmp_path):
    @contextmanager
    def ground(_folder, _size):
        yield Ground()

    def found(*names, seconds=0.0):
        cases = [
            Case(name, (Contender("only", f"{contenders}:idle", {"seconds": seconds}),)) for name in names
        ]
        return measure(Scenario("two", "Two.", {}, tuple(cases), ground), tmp_path, repeats=1)

    before, again = found("first", "second"), found("second", seconds=0.2)
    both = joined(before, again)
    assert [case["name"] for case in both["cases"]] == ["first", "second"]
    assert both["cases"][0] == before["cases"][0]
    assert both["cases"][1]["runs"][0]["wall"] >= 0.2
    assert f"{both['cases'][0]['began']}" in markdown(both)
    said_once = {**before, "commit": "abc", "cases": [{"name": "first", "runs": []}]}
    assert joined(said_once, again)["cases"][0] == {
        "name": "first",
        "runs": [],
        **{key: said_once[key] for key in ("commit", "began", "seconds", "load")},
    }
