"""The page itself."""

from __future__ import annotations

import re
from dataclasses import replace

import pytest

from pipeline.errors import RecipeError
from pipeline.recipe import Recipe, load_recipe
from pipeline.report import open_results, write_report
from pipeline.report.comparison import names_of
from pipeline.report.page import page
from pipeline.report.write import render
from storage.errors import NotWritten
from storage.simulate.recipe import SIGN

EVIL = "<script>alert(1)</script>\"' onerror=x"


@pytest.fixture(scope="session")
def written(recipe, tmp_path_factory, parse):
    target = tmp_path_factory.mktemp("page") / "report.html"
    assert write_report([recipe], target) == target
    return parse(target.read_text("utf-8"))


def test_pictures_are_in_the_page_and_told_in_words(written):
    images = written.all("img")
    assert len(images) == 12
    assert all(image["src"].startswith("data:image/png;base64,") for image in images)
    assert all(re.match(r"Picture \d+ as it was (seen|reconstructed)", image["alt"]) for image in images)


def test_pictures_run_from_best_to_worst(written):
    told = [image["alt"] for image in written.all("img") if "reconstructed" in image["alt"]]
    scores = [float(alt.rsplit(" ", 1)[1].replace("−", "-")) for alt in told]
    assert scores == sorted(scores, reverse=True)
    assert [word for word in written.words if word in {"best", "median", "worst"}] == [
        "best",
        "median",
        "worst",
    ]


def test_nothing_is_loaded_from_anywhere(written):
    used = [
        attrs[key] for _, attrs in written.tags for key in ("src", "href", "data", "srcset") if key in attrs
    ]
    assert all(value.startswith(("data:", "#")) for value in used)
    tags = {tag for tag, _ in written.tags}
    assert tags.isdisjoint({"script", "link", "iframe", "object", "embed"})
    assert not re.search(r"url\(|@import", " ".join(written.words))


def test_scores_have_intervals_chance_and_numbers(written, recipe):
    for row in open_results(recipe).summary().to_dict("records"):
        for value in (row["mean"], row["low"], row["high"], row["chance"]):
            assert re.sub(r"^0", "", f"{value:.3f}").replace("-0", "−") in written.text
    assert "Two-way (pixels)" in written.text
    assert "Ozcelik and VanRullen 2023" in written.text
    assert (
        len([line for line in written.all("line") if line.get("class") == "chance"]) == 3
    )  # and the legend's
    assert any("95 % interval" in (svg.get("aria-label") or "") for svg in written.all("svg"))


def test_ridge_is_told(written):
    for word in ("alpha", "correction", "median r", "r above 0", "median R²"):
        assert word in written.text
    assert any((svg.get("aria-label") or "").startswith("Histogram of") for svg in written.all("svg"))


def test_what_ran_is_told(written, recipe):
    results = open_results(recipe)
    for one in results.expected:
        assert one.product.name in written.words
        assert one.product.fingerprint[:8] in written.words
    assert "numpy" in written.text
    assert "Together" in written.words
    assert recipe.as_toml().strip() in "".join(written.words)


def test_unwanted_notices_are_absent(written):
    assert "Unfinished" not in written.text
    assert "Simulated" not in written.text


def test_same_archive_same_page(recipe, tmp_path):
    pages = [write_report([recipe], tmp_path / name).read_bytes() for name in ("a.html", "b.html")]
    assert pages[0] == pages[1]


def test_names_are_text_never_markup(recipe, parse):
    content = page([open_results(recipe)])
    section = content.sections[0]
    gallery = section.galleries[0]
    tile = gallery.groups[0].tiles[0]
    evil = replace(tile, image_id=EVIL, seen=replace(tile.seen, alt=EVIL))
    gallery = replace(gallery, groups=(replace(gallery.groups[0], title=EVIL, tiles=(evil,)),), caption=EVIL)
    section = replace(section, galleries=(gallery,), subject=EVIL, name=EVIL, anchor=EVIL, unscored=(EVIL,))
    card = replace(content.cards[0], facts={EVIL: EVIL}, missing=(EVIL,), toml=EVIL, name=EVIL)
    text = render(
        replace(content, title=EVIL, sections=(section, section), cards=(card, card), simulated=(EVIL,))
    )
    parsed = parse(text)
    assert parsed.all("script") == []
    assert not any("onerror" in attrs for _, attrs in parsed.tags)
    assert EVIL in parsed.words


def test_recipe_file_may_be_called_anything(folder, recipe, parse, tmp_path):
    file = folder / "<img src=x onerror=alert(1)>.toml"
    file.write_text(recipe.as_toml(), "utf-8")
    parsed = parse(write_report([load_recipe(file)], tmp_path / "report.html").read_text("utf-8"))
    assert file.stem in parsed.words
    assert not any("onerror" in attrs for _, attrs in parsed.tags)


@pytest.mark.parametrize("until", ["ingest", "respond", "regress", "reconstruct"])
def test_unfinished_run_says_what_is_missing(until, folder, recipe_tables, start, parse, tmp_path):
    said = {**recipe_tables(archive=f"until-{until}"), "seed": 5}
    recipe = start(folder, said, until=until)
    parsed = parse(write_report([recipe], tmp_path / "report.html").read_text("utf-8"))
    assert "Unfinished" in parsed.text
    assert "s1/scores/final (not made yet)" in parsed.text
    assert "No scores yet" in parsed.text
    assert len(parsed.all("img")) == (12 if until == "reconstruct" else 0)


def test_product_that_lacks_its_seal_counts_its_blocks(tmp_path, data_writer, recipe_tables, start, parse):
    data_writer(tmp_path / "data.npz")
    recipe = start(tmp_path, recipe_tables())
    (seal,) = (tmp_path / "archive" / "s1" / "images" / "final").glob("*/product.json")
    seal.unlink()
    parsed = parse(write_report([recipe], tmp_path / "report.html").read_text("utf-8"))
    assert "s1/images/final (1 of 1 blocks made)" in parsed.text
    assert parsed.all("img") == []
    assert "PixCorr" in parsed.text  # the scores are whole


def test_archive_of_another_recipe_has_nothing_to_show(folder, recipe, recipe_tables, parse, tmp_path):
    said = {**recipe_tables(), "seed": 77}
    target = write_report([Recipe.from_mapping(said, folder)], tmp_path / "report.html")
    assert "No pictures yet" in parse(target.read_text("utf-8")).text


def test_recipe_that_ends_at_predictions(folder, recipe_tables, start, parse, tmp_path):
    said = recipe_tables()
    del said["images"], said["scores"]
    parsed = parse(write_report([start(folder, said)], tmp_path / "report.html").read_text("utf-8"))
    assert "asks for no pictures" in parsed.text
    assert "median r" in parsed.text


def test_several_recipes_stand_side_by_side(folder, recipe, recipe_tables, start, parse, tmp_path):
    said = recipe_tables()
    said["ridge"]["spaces"]["pixels"]["alpha"] = 200
    other = start(folder, said)
    parsed = parse(write_report([recipe, other], tmp_path / "report.html").read_text("utf-8"))
    assert len(parsed.all("img")) == 18
    assert "They differ in" in parsed.text
    assert "ridge.spaces.pixels.alpha 10.0 200.0" in parsed.text
    assert {"recipe A", "recipe B"} <= set(parsed.words)


def test_names_are_told_apart(recipe, tmp_path):
    assert names_of([recipe, recipe]) == ["recipe A", "recipe B"]
    for folder in ("left", "right"):
        (tmp_path / folder).mkdir()
        (tmp_path / folder / "recipe.toml").write_text(recipe.as_toml(), "utf-8")
    files = [load_recipe(tmp_path / folder / "recipe.toml") for folder in ("left", "right")]
    assert names_of(files) == ["left", "right"]


def test_many_pictures_come_in_three_groups(tmp_path, data_writer, recipe_tables, start, parse):
    data_writer(tmp_path / "data.npz", test=24 + 1)
    recipe = start(tmp_path, recipe_tables())
    parsed = parse(write_report([recipe], tmp_path / "report.html").read_text("utf-8"))
    assert len(parsed.all("img")) == 36
    for words in ("Best 6 , ranks 1 to 6 of 25", "Median 6 , ranks 10 to 15", "Worst 6 , ranks 20 to 25"):
        assert words in parsed.text


def test_simulated_data_are_called_so(tmp_path, data_writer, recipe_tables, start, parse):
    data_writer(tmp_path / "data.npz")
    (tmp_path / "README.txt").write_text(f"{SIGN} More.", "utf-8")
    recipe = start(tmp_path, recipe_tables())
    parsed = parse(write_report([recipe], tmp_path / "report.html").read_text("utf-8"))
    assert "Simulated data." in parsed.text
    assert "no brain was recorded" in parsed.text


def test_simulated_data_are_called_so_by_the_recipe(folder, recipe, parse, tmp_path):
    file = tmp_path / "recipe.toml"
    file.write_text(f"# Simulated data. Run this.\n{recipe.as_toml()}", "utf-8")
    parsed = parse(write_report([load_recipe(file)], tmp_path / "report.html").read_text("utf-8"))
    assert "Simulated data." in parsed.text


def test_page_holds_no_storage_options(folder, recipe, recipe_tables, tmp_path):
    said = recipe_tables(
        storage_options={"endpoint_url": "http://secret.example:9000", "profile": "hush-hush"}
    )
    text = write_report([Recipe.from_mapping(said, folder)], tmp_path / "report.html").read_text("utf-8")
    assert "secret.example" not in text
    assert "hush-hush" not in text


def test_no_recipe_is_refused(tmp_path):
    with pytest.raises(RecipeError, match="needs a recipe"):
        write_report([], tmp_path / "report.html")


def test_page_that_cannot_be_written_is_told(recipe, tmp_path):
    with pytest.raises(NotWritten, match="name another file"):
        write_report([recipe], tmp_path)
