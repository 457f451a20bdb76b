"""New brain data on the command line: pictures, and one sentence for whatever is wrong."""

from __future__ import annotations

import hashlib
import json
import re
import shutil
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from pipeline.stages.reconstruct import noise_seed
from storage.archive import Archive


@pytest.fixture
def rows(arrays):
    return arrays["xTest"]


@pytest.fixture
def decode(done, vox2pix, rows):
    """Return a function that decodes an array, or a file that is there, with further arguments."""

    def call(values=rows, *more, recipe="recipe.toml"):
        if values is not None:
            np.save("new.npy", values)
        return vox2pix("decode", recipe, "--voxels", "new.npy", "--to", "out", *more)

    return call


def test_pictures_of_the_test_rows_are_those_of_the_run(decode, done):
    said = decode()
    assert (said.code, said.out) == (0, f"6 pictures of 6 rows in {done / 'out'}\n")
    names = sorted(path.name for path in (done / "out" / "final").iterdir())
    assert names == [*(f"{row}.png" for row in range(6)), "decoded.json"]
    its = Archive("archive").open("images/final").picture.values
    for row in range(6):
        picture = np.asarray(Image.open(done / "out" / "final" / f"{row}.png"))
        np.testing.assert_array_equal(picture, its[row, 0, :, :, 0])


def test_beside_the_pictures_stands_how_they_were_made(decode, done):
    decode()
    record = json.loads((done / "out" / "final" / "decoded.json").read_text())
    assert record["pictures"][3] == {"file": "3.png", "seed": noise_seed(0, "final", "3", -1, 0)}
    digest = hashlib.sha256((done / "new.npy").read_bytes()).hexdigest()
    assert record["voxels"] == {"file": "new.npy", "sha256": digest, "rows": 6, "columns": 40}
    assert record["recipe"] in Archive("archive").recipes()
    assert Archive("archive").at(record["as_in"]).sealed()
    assert record["spaces"]["pixels"]["correction"] == "none"
    assert (record["standardize"], record["already_standardized"]) == ("train", False)
    assert record["software"].keys() >= {"python", "vox2pix", "torch", "diffusers"}
    assert str(done) not in json.dumps({**record, "archive": ""})  # else a record would tell of machines


def test_json_names_the_files_and_again_is_the_same(decode, done):
    first, again = (decode(None if at else np.ones(40), "--json") for at in range(2))
    assert first.code == again.code == 0
    assert first.json == again.json
    assert first.json["rows"] == 1
    assert [Path(path).name for path in first.json["images"]["final"]] == ["0.png", "decoded.json"]


def test_several_samples_and_tables(decode, done, vox2pix):
    more = ["--set", "images.final.samples=2", "--set", 'images.mean={generator="mean"}']
    assert vox2pix("run", "recipe.toml", *more).code == 0
    said = decode(np.ones((2, 40)), *more, "--images", "final", "--images", "final")
    assert said.out.startswith("4 pictures of 2 rows")  # named twice, painted once
    names = sorted(path.name for path in (done / "out" / "final").glob("*.png"))
    assert names == ["0-0.png", "0-1.png", "1-0.png", "1-1.png"]
    assert not (done / "out" / "mean").exists()
    assert decode(None, *more).code == 0
    assert (done / "out" / "mean" / "1.png").exists()


def test_somebody_else_s_files_are_left_alone(decode, done):
    (done / "out" / "final").mkdir(parents=True)
    (done / "out" / "final" / "2.png").write_text("mine")
    said = decode()
    assert said.code == 2
    assert "2.png is there and holds something else" in said.err
    assert [path.name for path in (done / "out" / "final").iterdir()] == ["2.png"]


def test_a_folder_of_other_rows_is_refused_before_anything_is_painted(decode, done, rows):
    decode(rows[:2])
    there = {path: path.read_bytes() for path in (done / "out" / "final").iterdir()}
    said = decode(rows)
    assert said.code == 2
    assert "decoded.json is there and tells of other rows, run or versions; name another folder" in said.err
    assert {path: path.read_bytes() for path in (done / "out" / "final").iterdir()} == there
    (done / "out" / "final" / "decoded.json").write_text("{")
    assert decode(rows[:2]).code == 2


def test_an_archive_elsewhere(decode, done, rows):
    shutil.move("archive", "elsewhere")
    assert decode(rows, "--archive", "elsewhere", "--subject", "s1").code == 0


def test_it_is_told_how_far_it_is(decode, rows, monkeypatch):
    monkeypatch.setattr("pipeline.cli.decode.EVERY", 0)
    said = decode(np.repeat(rows, 8, axis=0))
    assert "final: 32 of 48 rows\n" in said.err
    assert "of 48 rows" not in decode(None, "--no-progress").err


def test_numbers_that_can_hardly_be_percent_are_doubted(decode, rows):
    assert "standard deviations" not in decode(rows, "--images", "final").err
    said = decode((300 * rows).astype(np.int16), "--to", "elsewhere")
    assert said.code == 0
    assert re.search(r"new.npy is \d{3} standard deviations of the training trials away", said.err)


# --- what is wrong is one sentence, and nothing is written ----------------------------------------------


class _Code:
    def __reduce__(self):
        return (open, ("executed", "w"))


def _with(row, column, value):
    found = np.ones((3, 40))
    found[row, column] = value
    return found


@pytest.mark.parametrize(
    ("values", "code", "said"),
    [
        (
            np.ones((3, 39)),
            3,
            "new.npy has 39 columns, s1 has 40 voxels; expected .* order of product `voxels`",
        ),
        (np.ones((40, 3)), 3, r"has 3 columns \(it may be transposed\)"),
        (np.ones(41), 3, "has 41 columns"),
        (np.ones((0, 40)), 3, "holds no rows"),
        (np.ones((2, 2, 40)), 3, r"has shape \(2, 2, 40\)"),
        (_with(1, 7, np.nan), 3, "holds nan in row 1, column 7"),
        (_with(2, 0, np.inf), 3, "holds inf in row 2, column 0"),
        (np.full((1, 40), "a"), 3, "holds <U1; expected numbers"),
        (np.array([[_Code()] * 40], object), 3, "pickled Python objects, which may be code"),
    ],
)
def test_arrays_that_do_not_fit(decode, done, values, code, said):
    refused(decode(values), code, said, done)


@pytest.mark.parametrize(
    ("content", "said"), [(b"", "is empty"), (b"PK\x03\x04", "is no .npy file"), (None, "is not there")]
)
def test_files_that_are_no_arrays(decode, done, content, said):
    if content is not None:
        (done / "new.npy").write_bytes(content)
    refused(decode(None), 3, said, done)


@pytest.mark.parametrize(
    ("more", "code", "said"),
    [
        (["--images", "finale"], 2, r"no \[images.finale\], it has final; did you mean 'final'"),
        (["--subject", "s2"], 2, "subject 's2' is not in the recipe; it has s1"),
        (["--subject", "s1", "--subject", "s2"], 2, "name one"),
        (["--set", "responses.standardize=session"], 2, "by the trials of each session, .*--standardized"),
        (["--set", "responses.standardize=none", "--standardized"], 2, "without --standardized"),
        (["--set", "images.final.truth=true"], 2, r"no \[images\] that could be painted of new rows"),
        (["--archive", "nowhere"], 3, "nowhere"),
        (
            ["--set", "ridge.spaces.pixels.alpha=7"],
            2,
            "vox2pix run recipe.toml --set ridge.spaces.pixels.alpha=7",
        ),
    ],
)
def test_runs_that_can_not_be_decoded_with(decode, done, rows, more, code, said):
    refused(decode(rows, *more), code, said, done)


def test_one_row_is_no_batch(decode, done, rows, vox2pix):
    more = ["--set", "ridge.spaces.pixels.correction=test-batch"]
    assert vox2pix("run", "recipe.toml", *more).code == 0
    refused(decode(rows[0], *more), 3, 'correction = "test-batch" .* holds 1', done)
    assert decode(rows[:2], *more).code == 0


def test_voxels_are_of_one_brain(decode, done, rows):
    refused(decode(rows, "--set", 'data.subjects=["s1", "s2"]'), 2, "has s1, s2: name a subject", done)


def test_folders_are_of_this_machine(done, vox2pix, rows):
    np.save("new.npy", rows)
    said = vox2pix("decode", "recipe.toml", "--voxels", "new.npy", "--to", "s3://bucket/out")
    assert said.code == 2
    assert "is a URL" in said.err


def test_damage_is_told_with_its_cure(damaged, vox2pix, rows):
    np.save("new.npy", rows)
    said = vox2pix("decode", "recipe.toml", "--voxels", "new.npy", "--to", "out")
    assert said.code == 5
    assert "is damaged" in said.err
    assert "vox2pix run" in said.err


def refused(said, code, text, done):
    assert said.code == code, said.err
    assert re.search(text, said.err), said.err
    assert said.err.count("\n") == 1
    assert said.out == ""
    assert not (done / "out").exists()
    assert not (done / "executed").exists()
