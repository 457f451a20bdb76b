"""Verdicts come from the JSON alone: paired by repeat, by the median, and honest about what is missing."""

from __future__ import annotations

import math
import xml.etree.ElementTree as ET

import pytest

from pipeline.bench.plot import svg
from pipeline.bench.sections import markdown
from pipeline.bench.table import figure_table
from pipeline.bench.verdict import disagreements, judge, median


def test_ratios_are_paired_and_judged_by_their_median(result):
    near, least, missing, memory = judge(result)
    assert near.ratios == (0.1, 0.2)  # the third repeat has no plain one beside it
    assert near.median == pytest.approx(0.15)
    assert (near.met, near.bound) == (True, "≤ 0.2")
    assert least.ratios == (0.1, 0.2)
    assert (least.met, least.bound) == (False, "≥ 0.5")
    assert (missing.met, missing.ratios) == (None, ())
    assert math.isnan(missing.median)
    assert (memory.met, memory.ratios) == (True, (5, 5, 5))


def test_medians_skip_what_failed(result):
    case = result["cases"][0]
    assert median(case, "vox2pix", "wall") == 3
    assert math.isnan(median(case, "slow", "bytes"))


def test_disagreement_is_told(result):
    assert disagreements(result) == []
    result["cases"][0]["runs"][1]["check"] = 2
    result["cases"][0]["runs"][2]["check"] = 2
    result["cases"][0]["runs"][4]["check"] = 2
    assert disagreements(result) == ["a <case>: plain 1, vox2pix 2"]


def test_the_table_has_a_row_for_everybody(result):
    rows = str(figure_table(result["cases"][0])).splitlines()[2:]
    assert rows == [
        "| plain | 2 | 15 | 1 | 1 | 0.0001 | 1 | 5 |",
        "| vox2pix | 3 | 3 | 0.2 | 1 | 1e-05 | 4 | 5 |",
        "| slow | 0 | stopped after 300 s, 2 MB moved |  |  |  |  |  |",
    ]
    text = markdown(result)
    assert "| a <case> | time / plain | ≤ 0.2 | 0.15 | 0.1 0.2 | met |" in text
    assert "**missed**" in text
    assert "not measured" in text


def test_the_plot_is_an_image_of_all_who_came_through(result):
    drawn = ET.fromstring(svg(result))  # noqa: S314  (our own)
    text = " ".join(drawn.itertext())
    assert "a <case>" in text
    assert "vox2pix" in text
    assert "slow" not in text
    assert len(drawn.findall(".//{*}circle")) == 5
