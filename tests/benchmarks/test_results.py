"""Tables in the benchmarks' README are made from JSON, and who is stopped loses one case at most."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]


@pytest.fixture(autouse=True)
def _importable(monkeypatch):
    monkeypatch.syspath_prepend(ROOT)


def test_the_readme_shows_what_the_json_says(tmp_path):
    from benchmarks.readme import README, RESULTS, refresh
    from pipeline.bench.catalogue import load

    copy = tmp_path / "README.md"
    copy.write_text(README.read_text())
    assert refresh(load(RESULTS / "ridge.json"), copy)
    assert copy.read_text() == README.read_text(), "run python -m benchmarks.readme"
    assert not refresh({**load(RESULTS / "ridge.json"), "scenario": "no such place"}, copy)


def test_a_part_is_kept_until_all_is_there(tmp_path):
    from benchmarks.command import _part

    def stopped():
        with _part("some", path.parent) as part:
            part({"cases": [1]})
            raise KeyboardInterrupt

    path = tmp_path / "results" / "some.part.json"
    with pytest.raises(KeyboardInterrupt):
        stopped()
    assert json.loads(path.read_text()) == {"cases": [1]}
    with _part("some", path.parent) as part:
        part({"cases": [1, 2]})
    assert not path.exists()


def test_a_benchmark_writes_what_it_found(tmp_path):
    command = [sys.executable, "-m", "benchmarks.ridge", "--quick", "--repeats", "1", "--case", "many"]
    subprocess.run([*command, "--out", str(tmp_path)], cwd=ROOT, check=True, capture_output=True, timeout=300)
    assert {path.name for path in tmp_path.iterdir()} == {"ridge.json", "ridge.md", "ridge.svg"}
    assert "all three, one Gram" in (tmp_path / "ridge.md").read_text()
