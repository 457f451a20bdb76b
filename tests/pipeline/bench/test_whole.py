"""The scenario `whole` does what it says, in small."""

from __future__ import annotations

from pathlib import Path

from pipeline.bench.work import measured, prepared

ROOT = Path(__file__).parents[3]


def test_both_come_through(tmp_path, monkeypatch):
    monkeypatch.syspath_prepend(ROOT)
    from benchmarks.whole import scenario

    made = scenario(quick=True)
    (case,) = made.cases
    with made.ground(tmp_path, {"images": 20, "seed": 0}) as ground:
        script, ours = (measured(prepared(each.prepare, ground.given)) for each in case.contenders)
    assert "products" not in script
    assert ours["products"] > 10
