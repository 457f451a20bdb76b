"""Processes behind a real sshd are measured as any other workers are."""

from __future__ import annotations

import pytest

from pipeline.bench.catalogue import workload
from pipeline.bench.on_cluster import measure_on
from storage.remote import Location

pytestmark = pytest.mark.slow
SMALL = {"images": 30, "grid": [8, 10, 6], "size": 8}


def test_processes_are_measured(over_ssh, tmp_path):
    result = measure_on(
        workload("ridge", "quick", SMALL),
        over_ssh(workers=2),
        Location.of(tmp_path / "data"),
        repeats=1,
        report=tmp_path / "report.html",
    )
    (run,) = result["cases"][0]["runs"]
    assert result["cluster"]["kind"] == "ssh"
    assert result["cluster"]["encryption"].startswith("TLS")
    assert set(run["workers"]) == {"cpu-127.0.0.1-0", "cpu-127.0.0.1-1"}
    assert sum(worker["tasks"] for worker in run["workers"].values()) == run["tasks"] == 5
    assert all(30e6 < worker["peak"] < 700e6 for worker in run["workers"].values())
    assert "Bokeh" in (tmp_path / "report.html").read_text("utf-8")
