"""Whoever reads a report sees that a ridge did without something, and how much."""

from __future__ import annotations

from pipeline.report.write import write_report


def test_dropped_voxels_are_told_on_the_card_and_beside_other_recipes(
    folder, recipe, recipe_tables, start, parse, tmp_path
):
    told = "10 of 40 voxels dropped at random (a published workaround)"
    dropped = start(folder, recipe_tables(drop={"count": 10}))
    parsed = parse(write_report([dropped, recipe], tmp_path / "report.html").read_text("utf-8"))
    assert parsed.words.count(told) == 2
    assert "data.drop.count 10 not set" in parsed.text
    alone = parse(write_report([recipe], tmp_path / "alone.html").read_text("utf-8"))
    assert "workaround" not in alone.text
    assert "nstead of a full ridge" not in alone.text


def test_what_is_not_drawn_yet_is_not_told(folder, recipe_tables, start, parse, tmp_path):
    planned = start(folder, recipe_tables(drop={"count": 11}), "featurize")
    parsed = parse(write_report([planned], tmp_path / "report.html").read_text("utf-8"))
    assert "dropped at random" not in parsed.text


def test_a_network_is_called_one_and_has_no_alpha(folder, recipe_tables, start, parse, tmp_path):
    said = recipe_tables()
    said["ridge"]["spaces"]["pixels"] = {"estimator": "mlp", "correction": "test-batch"}
    parsed = parse(write_report([start(folder, said)], tmp_path / "report.html").read_text("utf-8"))
    told = "network with 64 hidden units in mini-batches (a published workaround)"
    assert parsed.words.count(told) == 2
    assert parsed.words[parsed.words.index("alpha") + 1] == "–"
    assert "nan" not in parsed.text
