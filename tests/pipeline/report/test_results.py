"""What notebooks read of a run."""

from __future__ import annotations

import numpy as np
import pytest

from pipeline.errors import RecipeError
from pipeline.recipe import Recipe
from pipeline.report import open_results
from storage.errors import Damaged, Missing, NoSuchProduct, Unsealed


@pytest.fixture
def results(recipe):
    return open_results(recipe)


def test_summary_is_what_the_scores_say(results):
    table = results.summary()
    assert list(table.columns) == ["subject", "images", "metric", "mean", "low", "high", "chance", "n"]
    assert table["metric"].tolist() == ["pixcorr", "two-way-pixels"]
    assert set(table["n"]) == {6}
    scores = results.scores("final", "s1")
    np.testing.assert_array_equal(table["mean"], scores["mean"])
    assert (table["low"] <= table["mean"]).all()
    assert (table["mean"] <= table["high"]).all()


def test_names_may_be_left_out_where_there_is_one(results):
    assert results.images().identical(results.images("final", "s1"))
    assert results.predictions().sizes["row"] == 6
    assert results.scores().sizes["metric"] == 2


def test_seen_stands_row_by_row_beside_images(results, folder):
    seen, made = results.seen(), results.images()
    assert seen.picture.dims == ("row", "y", "x", "channel")
    assert seen.image_id.values.tolist() == made.image_id.values.tolist()
    np.testing.assert_array_equal(seen.picture.values, np.load(folder / "data.npz")["test_images"])


def test_unknown_name_lists_the_known_ones(results):
    with pytest.raises(NoSuchProduct, match=r"images/finale.*images/final"):
        results.images("finale")


def test_name_must_be_given_where_there_are_several(folder, recipe_tables):
    said = recipe_tables()
    said["images"]["again"] = {"generator": "pixels"}
    with pytest.raises(NoSuchProduct, match="final, again"):
        open_results(Recipe.from_mapping(said, folder)).images()


def test_unknown_subject_is_refused(recipe):
    with pytest.raises(RecipeError, match="s9"):
        open_results(recipe, ["s9"])


def test_subject_must_be_given_where_there_are_several(folder, recipe_tables):
    results = open_results(Recipe.from_mapping(recipe_tables(subjects=["s1", "s2"]), folder))
    with pytest.raises(NoSuchProduct, match="s1, s2"):
        results.scores()
    assert results.scores("final", "s1").sizes["metric"] == 2


def test_html_shows_the_summary(results):
    assert "two-way-pixels" in results._repr_html_()
    assert "not complete" not in results._repr_html_()


def test_no_archive_is_an_error_that_says_so(folder, recipe_tables):
    with pytest.raises(Missing, match="vox2pix run"):
        open_results(Recipe.from_mapping(recipe_tables(archive="nowhere"), folder))


def test_unfinished_run_names_what_is_missing(folder, recipe_tables, start):
    results = open_results(start(folder, {**recipe_tables(archive="part"), "seed": 3}, until="regress"))
    assert [one.product.name for one in results.missing] == ["images/final", "scores/final"]
    assert len(results.summary()) == 0
    assert "2 of" in results._repr_html_()
    with pytest.raises(Unsealed):
        results.images()


def test_source_may_be_gone(tmp_path, data_writer, recipe_tables, start):
    data_writer(tmp_path / "data.npz")
    recipe = start(tmp_path, recipe_tables())
    before = open_results(recipe)
    (tmp_path / "data.npz").unlink()
    after = open_results(recipe)
    assert {one.address for one in after.expected} == {one.address for one in before.expected}
    assert after.summary().equals(before.summary())
    assert after.seen().identical(before.seen())


def test_flipped_bit_is_named(tmp_path, data_writer, recipe_tables, start):
    data_writer(tmp_path / "data.npz")
    recipe = start(tmp_path, recipe_tables())
    (chunk,) = (tmp_path / "archive" / "s1" / "scores" / "final").glob("*/data/score/c/0/0/0")
    content = bytearray(chunk.read_bytes())
    content[0] ^= 1
    chunk.write_bytes(bytes(content))
    with pytest.raises(Damaged, match=r"s1/scores/final@.*vox2pix run"):
        open_results(recipe).scores()
