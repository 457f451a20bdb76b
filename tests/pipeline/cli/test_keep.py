"""verify, gc and export: what they find, and what they leave alone."""

from __future__ import annotations

import json
import os
import shutil
import time

import pytest

DAY = 24 * 3600


def grow_old(archive, days: float = 2) -> None:
    then = time.time() - days * DAY
    for path in archive.rglob("*"):
        os.utime(path, (then, then))


def test_verify_of_a_whole_archive(vox2pix, done):
    said = vox2pix("verify", "archive")
    assert (said.code, said.err) == (0, "")
    assert said.out.startswith("No damage in ")


def test_verify_finds_damage_and_run_mends_it(vox2pix, done, damaged):
    assert "Nothing to compute" in vox2pix("run", "recipe.toml").out  # nobody has looked yet
    said = vox2pix("verify", "archive", "--json")
    assert said.code == 5
    (found,) = said.json["damaged"]
    assert set(found) == {"product", "block", "chunk", "reason"}
    assert found["product"].startswith("s1/responses@")
    assert found["chunk"] == "data/response/c/0/0"
    (word,) = done.glob("archive/s1/responses/*/damaged.json")
    assert json.loads(word.read_text()) == [found]
    assert vox2pix("verify", "archive").out.splitlines()[0].split() == ["product", "block", "chunk", "reason"]
    assert "Nothing to compute" not in vox2pix("run", "recipe.toml").out
    assert not word.exists()
    assert vox2pix("verify", "archive", "--json").json["damaged"] == []


def test_verify_takes_its_word_back_when_the_damage_is_gone(vox2pix, done, damaged):
    content = bytearray(damaged.read_bytes())
    assert vox2pix("verify", "archive").code == 5
    content[10] ^= 1
    damaged.write_bytes(content)
    assert vox2pix("verify", "archive", "-v").code == 0
    assert not list(done.glob("archive/s1/responses/*/damaged.json"))


def test_verify_of_an_archive_that_cannot_be_written(vox2pix, done, damaged, monkeypatch):
    from storage.remote import Location

    def refuse(*_: object) -> None:
        raise PermissionError

    monkeypatch.setattr(Location, "write", refuse)
    assert vox2pix("verify", "archive").code == 5


@pytest.mark.parametrize("lost", ["done/frame.json", "done/00000.json", "data/zarr.json", "product.json"])
def test_verify_and_run_with_any_file_lost(vox2pix, done, lost):
    (file,) = done.glob(f"archive/s1/betas/*/{lost}")
    file.unlink()
    assert vox2pix("verify", "archive").code == (0 if lost == "product.json" else 5)
    assert vox2pix("run", "recipe.toml", "-q").code == 0
    assert vox2pix("verify", "archive").code == 0
    assert file.exists()


def another(vox2pix) -> None:
    assert vox2pix("run", "recipe.toml", "-q", "--set", "ridge.spaces.pixels.alpha=20").code == 0


def test_gc_keeps_what_every_stored_recipe_reaches(vox2pix, done):
    another(vox2pix)
    grow_old(done / "archive")
    said = vox2pix("gc", "archive", "--delete")
    assert (said.code, said.out) == (0, "Removed 0 products, 0 B.\n")


def test_gc_lists_first_and_removes_when_told(vox2pix, done):
    another(vox2pix)
    before = len(vox2pix("ls", "archive", "--json").json["products"])
    spared = vox2pix("gc", "archive", "--keep", "recipe.toml", "--delete").out
    assert spared.startswith("Removed 0 products, 0 B. 4 more products written to in the last 24 h stay.")
    grow_old(done / "archive")
    said = vox2pix("gc", "archive", "--keep", "recipe.toml")
    assert "--delete removes them" in said.out
    assert len(vox2pix("ls", "archive", "--json").json["products"]) == before
    said = vox2pix("gc", "archive", "--keep", "recipe.toml", "--delete", "--json").json
    assert said["deleted"] is True
    assert {row["name"] for row in said["products"]} == {
        "smoother/pixels",
        "predictions/pixels",
        "images/final",
        "scores/final",
    }
    assert len(vox2pix("ls", "archive", "--json").json["products"]) == before - 4
    assert "Nothing to compute" in vox2pix("run", "recipe.toml").out
    assert vox2pix("verify", "archive").code == 0


def test_gc_takes_a_fingerprint_for_a_recipe(vox2pix, done):
    another(vox2pix)
    stored = sorted(path.stem for path in done.glob("archive/recipes/*.toml"))
    assert vox2pix("gc", "archive", "--keep", stored[0], "--keep", stored[1][:6]).code == 0


def test_gc_of_an_unknown_recipe_says_so(vox2pix, done):
    (done / "other.toml").write_text((done / "recipe.toml").read_text().replace("alpha = 10", "alpha = 99"))
    said = vox2pix("gc", "archive", "--keep", "other.toml", "--delete")
    assert said.code == 2
    assert "other.toml" in said.err
    assert "was never run into" in said.err


def test_gc_without_any_stored_recipe_touches_nothing(vox2pix, done):
    shutil.rmtree(done / "archive" / "recipes")
    assert vox2pix("gc", "archive", "--delete").code == 2
    assert vox2pix("verify", "archive").code == 0


def test_export_chooses_a_form_by_the_product(vox2pix, done):
    out = done / "out"
    assert vox2pix("export", "archive", "s1/images/final", "--to", "out").out == f"6 files in {out}\n"
    said = vox2pix("export", "archive", "s1/scores/final", "--to", "out", "--json").json
    assert {name.rpartition("/")[2] for name in said["files"]} == {
        "scores-final-metric.csv",
        "scores-final-metric-row-sample.csv",
    }
    assert vox2pix("export", "archive", "s1/responses", "--to", "out").code == 0
    names = {path.name for path in out.iterdir()}
    assert {"30.png", "35.png", "scores-final-metric.csv", "responses.npz"} <= names


def test_export_never_overwrites(vox2pix, done):
    line = ("export", "archive", "s1/images/final", "--to", "out")
    assert vox2pix(*line).code == 0
    assert vox2pix(*line).code == 0
    (done / "out" / "33.png").write_bytes(b"mine")
    (done / "out" / "30.png").unlink()
    said = vox2pix(*line)
    assert said.code == 2
    assert "33.png is there and holds something else" in said.err
    assert (done / "out" / "33.png").read_bytes() == b"mine"
    assert not (done / "out" / "30.png").exists()


def test_export_to_an_object_store_is_refused(vox2pix, done):
    said = vox2pix("export", "archive", "s1/responses", "--to", "s3://lab/out")
    assert said.code == 2
    assert "'--to': s3://lab/out is a URL, but files are written to this machine" in said.err
    assert not list(done.glob("s3*"))


def test_export_in_a_form_that_does_not_exist(vox2pix, done):
    said = vox2pix("export", "archive", "s1/betas", "--to", "out", "--format", "png")
    assert said.code == 2
    assert "holds no pictures" in said.err
    assert not (done / "out").exists()
