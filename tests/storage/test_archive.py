"""Archives: their sign, their products, their recipes."""

from __future__ import annotations

import json

import numpy as np
import pytest

from storage.archive import Archive, parse_address
from storage.errors import Ambiguous, Damaged, Missing, NoSuchProduct, NotAnArchive, Unsealed


def test_a_folder_that_is_something_else_is_refused_and_left_alone(tmp_path):
    (tmp_path / "thesis.txt").write_text("years of work")
    with pytest.raises(NotAnArchive, match=r"holds no archive\.json"):
        Archive(tmp_path, must_exist=False)
    assert [path.name for path in tmp_path.iterdir()] == ["thesis.txt"]


def test_a_file_is_refused(tmp_path):
    (tmp_path / "x").write_text("")
    with pytest.raises(NotAnArchive, match="is a file"):
        Archive(tmp_path / "x")


@pytest.mark.parametrize("sign", ["{", "[]", '{"format": "other"}'])
def test_a_foreign_sign_is_refused(tmp_path, sign):
    (tmp_path / "archive.json").write_text(sign)
    with pytest.raises(NotAnArchive, match="not vox2pix's"):
        Archive(tmp_path)


def test_a_newer_layout_is_refused(tmp_path):
    (tmp_path / "archive.json").write_text(json.dumps({"format": "vox2pix archive", "version": 99}))
    with pytest.raises(NotAnArchive, match="layout version 99"):
        Archive(tmp_path)


def test_nothing_there_is_missing_unless_it_may_be_made(tmp_path):
    with pytest.raises(Missing, match="holds no archive"):
        Archive(tmp_path / "new")
    archive = Archive(tmp_path / "new", must_exist=False)
    assert list(archive) == []
    assert not (tmp_path / "new").exists()
    archive.create()
    assert Archive(tmp_path / "new") == archive


def test_products_are_listed_and_opened(anywhere):
    anywhere.finish()
    archive = anywhere.archive
    table = archive.products()
    assert table.loc[0, ["owner", "name", "sealed", "blocks", "done"]].tolist() == ["s1", "betas", True, 3, 3]
    assert "<table" in table._repr_html_()
    opened = archive.open("betas", subject="s1")
    np.testing.assert_allclose(opened.betas[3].values, np.arange(21, 28) * 0.5)
    assert archive.products(subject="s2").empty


def test_names_with_a_part_are_products_too(kept):
    other = kept.archive.product("all", "features/pixels", "f" * 16)
    other.create(kept.template(), kept.schema, {"stage": "x", "version": 1, "settings": {}, "inputs": {}})
    assert [str(product) for product in kept.archive] == ["all/features/pixels@ffffffff"]


def test_an_unsealed_product_says_so(kept):
    kept.create()
    kept.write(0)
    with pytest.raises(Unsealed, match="1 blocks done"):
        kept.archive.open("betas")
    assert kept.archive.open("betas", partial=True).sizes["trial"] == 10
    row = kept.archive.products().iloc[0]
    assert (row.sealed, row.blocks, row.done) == (False, 3, 1)


def test_several_fingerprints_are_listed_and_told_apart(kept):
    kept.finish()
    twin = type(kept)(kept.archive, kept.archive.product("s1", "betas", "0123" + "f" * 12))
    twin.finish()
    with pytest.raises(Ambiguous, match="s1/betas@01234567, s1/betas@0123ffff"):
        kept.archive.open("betas")
    assert kept.archive.open("betas", fingerprint="0123f").sizes["voxel"] == 7
    assert kept.archive.find("s1/betas@01234").fingerprint == "0123456789abcdef"
    with pytest.raises(Ambiguous):
        kept.archive.find("s1/betas@0123")


def test_an_unknown_product_is_answered_with_what_there_is(kept):
    kept.finish()
    with pytest.raises(NoSuchProduct, match="it holds s1/betas"):
        kept.archive.find("s1/beta")
    with pytest.raises(NoSuchProduct, match="no product 'x' of s1; it holds s1/betas"):
        kept.archive.open("x", subject="s1")


def test_lineage_goes_down_to_the_source(kept):
    kept.finish()
    child = kept.archive.product("s1", "responses", "a" * 16)
    about = {"stage": "respond", "version": 1, "settings": {"b": 2}}
    child.create(kept.template(), kept.schema, {**about, "inputs": {"betas": "s1/betas@0123456789abcdef"}})
    lineage = kept.archive.lineage("responses")
    assert lineage["settings"] == {"b": 2}
    assert lineage["inputs"]["betas"]["stage"] == "ingest"


def test_recipes_and_what_they_reach_are_kept(kept):
    kept.archive.remember("b" * 16, "seed = 0\n", {"s1": ["s1/betas@0123456789abcdef"]})
    assert kept.archive.recipes() == ["b" * 16]
    (address,) = kept.archive.reached("b" * 16)
    assert parse_address(address) == ("s1", "betas", "0123456789abcdef")
    kept.archive.remember("b" * 16, "seed = 0\n", {"s2": ["s2/betas@x"]})  # a run of another subject
    assert kept.archive.reached("b" * 16) == ["s1/betas@0123456789abcdef", "s2/betas@x"]
    kept.archive.remember("b" * 16, "seed = 0\n", {"s1": ["s1/betas@y"]})  # the source has changed
    assert kept.archive.reached("b" * 16) == ["s1/betas@y", "s2/betas@x"]
    assert kept.archive.reached("c" * 16) == []
    assert kept.archive.damaged_recipes() == []
    assert list(kept.archive) == []  # recipes are no products


@pytest.mark.parametrize("content", [b"", b"{}", b"[]", b'["x"]', b"null", b"\xff", b"[" * 100_000])
def test_a_damaged_note_of_what_a_recipe_reaches_is_told_and_mended(kept, content):
    fingerprint, reached = "b" * 16, {"s1": ["s1/betas@0123456789abcdef"]}
    kept.archive.remember(fingerprint, "seed = 0\n", reached)
    note = kept.archive.place / "recipes" / fingerprint / "s1.json"
    note.write(content)
    with pytest.raises(Damaged, match="run"):
        kept.archive.reached(fingerprint)
    assert kept.archive.damaged_recipes() == [fingerprint]
    kept.archive.remember(fingerprint, "seed = 0\n", reached)
    assert kept.archive.reached(fingerprint) == reached["s1"]
    note.delete()  # the text of the recipe is there, what it reaches is not
    assert kept.archive.damaged_recipes() == [fingerprint]
