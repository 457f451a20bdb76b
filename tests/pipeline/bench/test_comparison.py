"""Two measurements side by side: what they were made on is told, and worse is what is beyond the repeats."""

from __future__ import annotations

import copy

import pytest

from pipeline.bench.comparison import compare
from pipeline.bench.page import of_comparison
from pipeline.errors import RecipeError


def scaled(result, by, figure="wall"):
    """Return a measurement in which a figure of vox2pix is so many times as large."""
    found = copy.deepcopy(result)
    for run in found["cases"][0]["runs"]:
        if run["contender"] == "vox2pix" and figure in run:
            run[figure] *= by
    return found


def told(found):
    return {(each.what, each.figure): each for each in found.changes}


def test_the_same_is_no_worse(result):
    found = compare(result, result)
    assert not found.differences
    assert not found.worse
    assert all(change.ratio == 1 for change in found.changes if change.before)
    assert "Nothing got worse" in found.markdown()


def test_what_is_beyond_all_repeats_is_worse_or_better(result):
    found = compare(result, scaled(result, 10))
    assert told(found)["vox2pix", "time (s)"].verdict == "worse"
    assert told(found)["vox2pix", "time (s)"].ratio == pytest.approx(10)
    assert told(found)["plain", "time (s)"].verdict == ""
    assert found.verdict == "Worse: vox2pix (a <case>): time (s) 10 times."
    back = compare(scaled(result, 10), result)
    assert told(back)["vox2pix", "time (s)"].verdict == "better"
    assert not back.worse


def test_what_was_nothing_is_no_multiple(result):
    assert compare(scaled(result, 0), result).verdict == "Worse: vox2pix (a <case>): time (s) 0, then 3."


def test_what_the_repeats_can_not_tell_apart_has_no_verdict(result):
    found = compare(result, scaled(result, 1.5))  # repeats of 1 to 4 s, then of 1.5 to 6 s
    assert told(found)["vox2pix", "time (s)"].verdict == ""


def test_more_is_better_for_rates(result):
    for run in result["cases"][0]["runs"]:
        run["rate"] = 1e9
    assert (
        told(compare(result, scaled(result, 0.5, "rate")))["vox2pix", "1e9 operations / CPU s"].verdict
        == "worse"
    )


def test_what_they_were_made_on_is_told_and_sizes_end_all_verdicts(result):
    other = scaled(result, 10)
    other["machine"] = {**other["machine"], "cpu": "another <CPU>"}
    other["size"] = {"grid": [2, 3], "seed": 1}
    other["software"] = {"": {"numpy": "9"}}
    found = compare(result, other, ("a.json", "b.json"))
    assert ("machine: cpu", "CPU", "another <CPU>") in found.differences
    assert ("size: seed", "0", "1") in found.differences
    assert ("version of numpy", "–", "9") in found.differences
    assert not found.worse
    assert "The sizes differ" in found.markdown()
    page = of_comparison(found)
    assert "another &lt;CPU&gt;" in page
    assert "another <CPU>" not in page


def test_what_can_not_be_compared_is_refused(result):
    with pytest.raises(RecipeError, match=r"a\.json measures 'tiny' and b\.json 'other'"):
        compare(result, {**result, "scenario": "other"}, ("a.json", "b.json"))
    with pytest.raises(RecipeError, match="no case in common"):
        compare(result, {**result, "cases": []})
