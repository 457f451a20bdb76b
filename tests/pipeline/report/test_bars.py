"""Decoders stand beside what they have to beat, and the page says whether they do."""

from __future__ import annotations

from types import SimpleNamespace

import numpy as np
import pytest
import xarray as xr

from pipeline import open_results
from pipeline.metrics import interval
from pipeline.report import write_report
from pipeline.report.bars import compared, heads, unbeaten, verdicts

NET = {"model": "conditional-ddpm", "features": ["pixels"], "size": 8, "steps": 2, "batch": 2}
PAINTED = {"generator": "conditional-ddpm", "steps": 2, "batch": 8}


@pytest.fixture(scope="module")
def untrained(folder, start, recipe_tables):
    """A network after two steps, which beats nothing, with all its bars."""
    said = recipe_tables(archive="bars")
    images = {
        "net": PAINTED,
        "linear": {"generator": "pixels"},
        "mean": {"generator": "mean"},
        "nearest": {"generator": "nearest", "features": "pixels"},
        "ceiling": {**PAINTED, "truth": True},
    }
    scored = {name: {"metrics": ["pixcorr"]} for name in images}
    return start(folder, {**said, "train": {"net": NET}, "images": images, "scores": scored})


def test_bars_stand_beside_what_they_measure(untrained):
    results = open_results(untrained)
    assert heads(results) == ["net", "linear"]
    beside = {name: [one.name for one in compared(results, "s1", name)] for name in heads(results)}
    assert beside == {
        "net": ["net", "linear", "mean", "nearest", "ceiling"],
        "linear": ["linear", "mean", "nearest"],
    }


def test_verdicts_are_paired_and_leave_the_ceiling_out(untrained):
    results = open_results(untrained)
    found = list(verdicts(compared(results, "s1", "net")))
    assert [one.bar for one in found] == ["linear", "mean", "nearest"]
    net, linear = (results.scores(name).score.values[0, :, 0] for name in ("net", "linear"))
    low, high = interval(net - linear)
    assert (found[0].beats, found[0].loses) == (False, high < 0)
    assert low < high
    assert found[0].loses
    assert "linear" in unbeaten(found)


def test_the_page_says_plainly_what_is_not_beaten(untrained, parse, tmp_path):
    page = parse(write_report([untrained], tmp_path / "report.html").read_text("utf-8"))
    assert "net does not beat linear" in page.text
    assert "net falls short of linear by" in page.text
    assert "From the top: seen, net, linear, mean, nearest and ceiling" in page.text


class Scored:
    """A contender with scores that are known."""

    def __init__(self, name, values):
        self.name = self.label = name
        self.summary = {"pixcorr": {}}
        self.values = values
        images = {one: SimpleNamespace(truth=False) for one in ("one", "other")}
        self.results = SimpleNamespace(recipe=SimpleNamespace(seed=0, images=images))

    def by_row(self, _metric):
        return {(f"p{at}", -1): float(value) for at, value in enumerate(self.values)}


@pytest.mark.parametrize(
    ("ahead", "said"), [(0.2, "beats"), (-0.2, "falls short of"), (0.0, "can not be told")]
)
def test_a_difference_is_told_by_its_interval(ahead, said):
    random = np.random.default_rng(0)
    hard = random.normal(
        size=40
    )  # what makes pictures hard weighs on both, and is no noise of the difference
    noise = random.normal(scale=0.05, size=40)
    found = list(verdicts([Scored("one", hard + ahead + noise - noise.mean()), Scored("other", hard)]))
    assert said in found[0].said


def test_scores_of_several_samples_are_averaged(untrained):
    contender = compared(open_results(untrained), "s1", "net")[0]
    score = xr.DataArray(np.array([[[0.0, 1.0], [2.0, 4.0]]]), dims=("metric", "row", "sample"))
    table = xr.Dataset(
        {"score": score},
        coords={
            "metric": np.array(["pixcorr"], dtype=object),
            "image_id": ("row", ["a", "b"]),
            "repeat": ("row", [-1, -1]),
        },
    )
    contender.__dict__["tables"] = (table,)
    assert contender.by_row("pixcorr") == {("a", -1): 0.5, ("b", -1): 3.0}
    assert contender.by_row("ssim") == {}
