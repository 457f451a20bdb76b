"""Jobs of a real SLURM are measured as any other workers are."""

from __future__ import annotations

import pytest

from pipeline.bench.catalogue import workload
from pipeline.bench.on_cluster import measure_on
from storage.remote import Location

pytestmark = pytest.mark.slurm
SMALL = {"images": 30, "grid": [8, 10, 6], "size": 8}


def test_jobs_are_measured(asked, tmp_path):
    result = measure_on(
        workload("ridge", "quick", SMALL),
        asked(workers=2),
        Location.of(tmp_path / "data"),
        repeats=1,
        report=tmp_path / "report.html",
    )
    (run,) = result["cases"][0]["runs"]
    assert result["cluster"]["kind"] == "slurm"
    assert result["cluster"]["encryption"].startswith("TLS")
    assert set(run["workers"]) == {"cpu-0", "cpu-1"}
    assert sum(worker["tasks"] for worker in run["workers"].values()) == run["tasks"] == 5
    assert all(30e6 < worker["peak"] < 700e6 for worker in run["workers"].values())
    assert "Bokeh" in (tmp_path / "report.html").read_text("utf-8")
