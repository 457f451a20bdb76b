"""`vox2pix bench`: measures, keeps, compares."""

from __future__ import annotations

import json

import pytest

from pipeline.bench import catalogue
from pipeline.bench.scenario import Case, Contender, Ground, Scenario


@pytest.fixture
def tiny(monkeypatch, tmp_path):
    """Make a scenario that does nothing known as `tiny`."""
    from contextlib import contextmanager

    (tmp_path / "doing_nothing.py").write_text("def prepare():\n    return dict\n")
    monkeypatch.syspath_prepend(tmp_path)

    @contextmanager
    def ground(folder, size):
        yield Ground()

    case = Case("nothing", (Contender("idler", "doing_nothing:prepare"),))
    made = Scenario("tiny", "Nothing.", {"seed": 0}, (case,), ground)
    monkeypatch.setattr(catalogue, "scenario", lambda name, quick: made)
    monkeypatch.setitem(catalogue.SCENARIOS, "tiny", "")


@pytest.mark.usefixtures("tiny")
def test_a_measurement_is_printed_kept_and_compared(vox2pix, tmp_path):
    said = vox2pix("bench", "tiny", "--repeats", "1", "--out", tmp_path / "out")
    assert said.code == 0
    assert "| idler | 1 |" in said.out
    assert "nothing · idler" in said.err
    kept = tmp_path / "out" / "tiny.json"
    assert json.loads(kept.read_text())["command"] == "vox2pix bench tiny --repeats 1"
    assert {path.suffix for path in (tmp_path / "out").iterdir()} == {".json", ".md", ".svg"}
    beside = vox2pix("bench", "--compare", kept, kept)
    assert beside.code == 0
    assert beside.out.rstrip().endswith("| 1 |")
    assert vox2pix("bench", "tiny", "--json").json["scenario"] == "tiny"


def test_what_is_no_scenario_or_measurement_is_told(vox2pix, tmp_path):
    said = vox2pix("bench", "nonsense")
    assert said.code == 2
    assert "known are ingest" in said.err
    said = vox2pix("bench", "--compare", tmp_path / "none.json", tmp_path / "none.json")
    assert said.code == 2
    assert "none.json is no measurement" in said.err
