"""`vox2pix bench`: measures, keeps, compares."""

from __future__ import annotations

import json
import shlex

import pytest

from cluster import address
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
def test_a_measurement_beside_references_is_printed_kept_and_compared(vox2pix, tmp_path):
    out = tmp_path / "out"
    said = vox2pix("bench", "tiny", "--references", "--repeats", "1", "--out", out)
    assert said.code == 0
    assert "| idler | 1 |" in said.out
    assert "nothing · idler" in said.err
    kept = out / "tiny.json"
    assert json.loads(kept.read_text())["command"] == "vox2pix bench tiny --references --repeats 1"
    assert {path.suffix for path in out.iterdir()} == {".json", ".md", ".svg", ".html"}
    beside = vox2pix("bench", "--compare", kept, kept, "--out", out)
    assert beside.code == 0
    assert "Nothing got worse" in beside.out
    assert (out / "tiny-compared.html").exists()
    assert vox2pix("bench", "--compare", kept, kept, "--json").json["comparable"] is True
    assert vox2pix("bench", "tiny", "--references", "--json").json["scenario"] == "tiny"


SMALL = ("--quick", "--set", "images=30", "--set", "grid=[8,10,6]", "--set", "size=8", "--repeats", "1")


def test_a_cluster_is_measured_from_the_command_line(vox2pix, tmp_path):
    out, data = tmp_path / "out", tmp_path / "data"
    said = vox2pix("bench", "ridge", "--cluster", "threads", *SMALL, "--data", data, "--out", out)
    assert said.code == 0, said.err
    assert "| subj01/gram/all | gram |" in said.out
    assert f"page: {out / 'ridge.html'}" in said.err
    assert {path.name for path in out.iterdir()} == {"ridge.json", "ridge.md", "ridge.svg", "ridge.html"}
    kept = json.loads((out / "ridge.json").read_text())
    assert kept["command"] == f"vox2pix bench ridge --cluster threads {shlex.join(SMALL)}"
    assert kept["size"]["grid"] == [8, 10, 6]
    other = vox2pix("bench", "ridge", "--cluster", "threads", *SMALL, "--data", data, "--json")
    assert other.json["cluster"]["kind"] == "threads"


@pytest.mark.parametrize(
    ("words", "code", "says"),
    [
        (("nonsense",), 2, "known are ingest, ridge"),
        (("rige",), 2, "did you mean 'ridge'"),
        (("ridge", "--cluster", "slrm"), 2, "did you mean 'slurm'"),
        (("ridge", "--cluster", "tcp://192.0.2.1:8786"), 2, "--insecure"),
        (("ridge", "--size", "huge"), 2, "--size"),
        (("ridge", "--size", "large", "--quick"), 2, "contradict"),
        (("ridge", "--set", "images=many"), 2, "write it as images=5000"),
        (("ridge", "--set", "picture=5"), 2, "is no number of a release"),
        (("ridge", "--quick", "--set", "images=3", "--cluster", "threads"), 2, "can't be simulated"),
        (("ridge", "--references", "--cluster", "local"), 2, "--references takes neither"),
        (("whole", "--references"), 2, "known are ingest, ridge, generate"),
        (("ridge", "--quick", "--cluster", "tiny.toml"), 4, "needs about"),
        (("ridge", "--cluster", "tcp://127.0.0.1:1"), 4, "no dask scheduler was reached"),
        (("ridge", "--out", "file"), 2, "'file' is a file"),
        (("ridge", "--out", "file/out"), 3, "file/out could not be written"),
        (("--compare", "none.json", "none.json"), 2, "none.json is no measurement"),
        (("--compare", "list.json", "list.json"), 2, "list.json is no measurement"),
        (("--compare", "half.json", "half.json"), 2, "half.json is no measurement"),
        (("--compare", "later.json", "later.json"), 2, "format 2, this vox2pix reads format 1"),
    ],
)
def test_a_mistake_costs_one_line(vox2pix, tmp_path, monkeypatch, words, code, says):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "tiny.toml").write_text('kind = "threads"\nworkers = 1\nmemory = "1MB"\n')
    monkeypatch.setattr(address, "TIMEOUT", 0.3)
    (tmp_path / "file").touch()
    (tmp_path / "list.json").write_text("[]")
    (tmp_path / "half.json").write_text('{"format": 1, "scenario": "ri')
    (tmp_path / "later.json").write_text('{"format": 2}')
    said = vox2pix("bench", *words, *(("--data", "data") if "tiny.toml" in words else ()))
    assert said.code == code, said.err
    assert says in said.err
    assert len([line for line in said.err.splitlines() if line.startswith("vox2pix: ")]) == 1
    assert "Traceback" not in said.err
    assert said.out == ""
