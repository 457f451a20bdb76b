"""Bad input: one line, the documented exit code, and nothing written."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pytest

if TYPE_CHECKING:
    from pathlib import Path


def snapshot(folder: Path) -> dict[str, bytes]:
    return {
        str(path.relative_to(folder)): path.read_bytes()
        for path in sorted(folder.rglob("*"))
        if path.is_file()
    }


def edit(lab: Path, old: str, new: str) -> None:
    text = (lab / "recipe.toml").read_text()
    assert old in text
    (lab / "recipe.toml").write_text(text.replace(old, new))


def unknown_key(lab, arrays):
    edit(lab, "alpha = 10", "alfa = 10")


def unknown_table(lab, arrays):
    edit(lab, "[scores.final]", "[score.final]")


def no_toml(lab, arrays):
    (lab / "recipe.toml").write_text("[data\n")


def no_recipe(lab, arrays):
    (lab / "recipe.toml").unlink()


def no_file(lab, arrays):
    (lab / "release.npz").unlink()


def no_key(lab, arrays):
    edit(lab, '"xTrain"', '"xTrian"')


def unequal_voxels(lab, arrays):
    np.savez(lab / "release.npz", **{**arrays, "xTest": arrays["xTest"][:, :-1]})


def too_few_pictures(lab, arrays):
    np.savez(lab / "release.npz", **{**arrays, "yTrain": arrays["yTrain"][:-1]})


def nan_voxels(lab, arrays):
    arrays["xTrain"][3, 17] = np.nan
    np.savez(lab / "release.npz", **arrays)


def truncated(lab, arrays):
    (lab / "release.npz").write_bytes((lab / "release.npz").read_bytes()[:1000])


def pictures_too_small_for_a_metric(lab, arrays):
    edit(lab, '"pixcorr", "two-way-pixels"', '"pixcorr", "ssim"')


def reserved_subject(lab, arrays):
    edit(lab, '"s1"', '"recipes"')


def nul_in_the_source(lab, arrays):
    edit(lab, "release.npz", "release\\u0000.npz")


def nul_in_a_key(lab, arrays):
    edit(lab, '"xTrain"', '"xTrain\\u0000"')


def foreign_archive(lab, arrays):
    (lab / "archive").mkdir()
    (lab / "archive" / "thesis.txt").write_text("mine")


def archive_is_a_file(lab, arrays):
    (lab / "archive").write_text("mine")


TABLE = [
    (unknown_key, 2, "did you mean 'alpha'?"),
    (unknown_table, 2, "did you mean 'scores'?"),
    (no_toml, 2, "not valid TOML"),
    (no_recipe, 2, "recipe.toml does not exist"),
    (no_file, 3, "release.npz does not exist"),
    (no_key, 3, "xTrian"),
    (unequal_voxels, 3, "39"),
    (too_few_pictures, 3, "29"),
    (nan_voxels, 3, "voxel 17"),
    (truncated, 3, "release.npz"),
    (pictures_too_small_for_a_metric, 3, "Pictures of 8 x 8 pixels found; SSIM's window needs at least 11"),
    (reserved_subject, 2, "give the subject another name"),
    (nul_in_the_source, 2, "NUL"),
    (nul_in_a_key, 2, "NUL"),
    (foreign_archive, 2, "no vox2pix archive"),
    (archive_is_a_file, 2, "is a file"),
]


@pytest.mark.parametrize(("spoil", "code", "words"), TABLE, ids=[row[0].__name__ for row in TABLE])
@pytest.mark.parametrize("how", [[], ["--json"]], ids=["plain", "json"])
def test_bad_input_is_one_line_and_nothing_is_written(vox2pix, lab, arrays, spoil, code, words, how):
    spoil(lab, arrays)
    before = snapshot(lab)
    said = vox2pix("run", "recipe.toml", *how)
    assert said.code == code
    assert said.err.count("\n") == 1
    assert said.err.startswith("vox2pix: ")
    assert words in said.err
    assert snapshot(lab) == before
    assert (lab / "archive").exists() == ("archive" in spoil.__name__)
    if how:
        error = said.json["error"]
        assert said.json["status"] == "failed"
        assert said.json["exit"] == code
        assert set(error) == {"kind", "message", "product", "block", "log"}
        assert f"vox2pix: {error['message']}\n" == said.err
    else:
        assert said.out == ""


@pytest.mark.parametrize(
    ("arguments", "code", "words"),
    [
        (["--set", "ridge.spaces.pixels.alpha"], 2, "KEY=VALUE"),
        (["--set", "ridge.folds=many"], 2, "folds"),
        (["--set", "images.final.samples=1000000000"], 2, "less than or equal to 1000"),
        (["--set", "features.pixels.size=10000000000"], 2, "less than or equal to 8192"),
        (["--subject", "s2"], 2, "'s2'"),
        (["--until", "dinner"], 2, "featurize"),
        (["--cluster", "treads"], 2, "did you mean 'threads'?"),
        (["--cluster", "x" * 300], 2, "is too long for the name of a file"),
        (["--cluster", "tcp://elsewhere.example:8786"], 2, "--insecure"),
        (["--archive", "ftp://host/archive"], 2, "ftp://host/archive"),
        (["--set", "cluster.memory=1kB"], 4, "1.0 kB"),
    ],
)
def test_bad_options_of_run(vox2pix, lab, arguments, code, words):
    said = vox2pix("run", "recipe.toml", *arguments)
    assert (said.code, said.out) == (code, "")
    assert words in said.err.splitlines()[-1]


def test_no_bucket(vox2pix, lab, s3_server):
    endpoint = f"data.storage_options.endpoint_url={s3_server}"
    said = vox2pix("run", "recipe.toml", "--set", endpoint, "--archive", "s3://no-such-bucket/archive")
    assert said.code == 3
    assert "bucket 'no-such-bucket' does not exist" in said.err
    said = vox2pix("ls", "s3://no-such-bucket/archive", "--endpoint-url", s3_server)
    assert said.code == 3
    assert "bucket 'no-such-bucket' does not exist" in said.err


@pytest.mark.parametrize("command", ["show", "export"])
def test_unknown_and_ambiguous_products(vox2pix, done, command):
    to = ["--to", "out"] if command == "export" else []
    said = vox2pix(command, "archive", "s1/images/finale", *to)
    assert said.code == 2
    assert "s1/images/final" in said.err
    assert vox2pix("run", "recipe.toml", "--set", "ridge.spaces.pixels.alpha=20").code == 0
    said = vox2pix(command, "archive", "s1/images/final", *to)
    assert said.code == 2
    assert said.err.count("s1/images/final@") == 2
    assert not (done / "out").exists()


def test_no_archive_where_one_is_looked_for(vox2pix, lab):
    for line in (["ls"], ["verify"], ["gc"], ["show", "x/y"], ["export", "x/y", "--to", "out"]):
        said = vox2pix(line[0], "archive", *line[1:])
        assert said.code == 3
        assert "holds no archive" in said.err
    assert not (lab / "archive").exists()


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["--images", "3"], "10 images or more"),
        (["--grid", "20,24"], "three whole numbers"),
        (["--subjects", "0"], "0 subjects"),
        (["--trials", "1"], "too few"),
        (["--dataset", "dreams"], "dreams"),
    ],
)
def test_simulate_refuses_with_2(vox2pix, tmp_path, arguments, words):
    said = vox2pix("simulate", tmp_path / "new", *arguments)
    assert said.code == 2
    assert words in said.err
    assert not (tmp_path / "new").exists()


def test_a_folder_nobody_can_make(vox2pix, tmp_path):
    said = vox2pix("demo", "--quick", "--out", tmp_path / ("x" * 300))
    assert said.code == 2
    assert "is too long for the name of a file" in said.err.splitlines()[-1]


@pytest.mark.parametrize("line", [["simulate"], ["demo", "--quick", "--out"]])
def test_a_folder_that_holds_something_else_stays_as_it_is(vox2pix, tmp_path, line):
    (tmp_path / "thesis.txt").write_text("mine")
    said = vox2pix(*line, tmp_path)
    assert said.code == 2
    assert "not empty" in said.err
    assert snapshot(tmp_path) == {"thesis.txt": b"mine"}
