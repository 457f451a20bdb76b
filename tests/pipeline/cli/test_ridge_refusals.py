"""What a ridge can't be made of or with: one line that names it, the documented exit code, no warnings."""

from __future__ import annotations

import numpy as np
import pytest

from storage import Archive

ALPHA = "ridge.spaces.pixels.alpha="
WORDS = """\
[features.words]
model = "words"
least = 1
dtype = "float16"
[ridge.spaces.words]
alpha = 10
"""


def refused(vox2pix, code, words, *changes):
    """Run the recipe, and return the one line that refuses it; --json says the same."""
    given = [word for each in changes for word in ("--set", each)]
    said = vox2pix("run", "recipe.toml", "-q", *given)
    assert (said.code, said.out) == (code, ""), said.err
    assert said.err.count("\n") == 1, said.err
    assert said.err.startswith("vox2pix: ")
    assert words in said.err
    told = vox2pix("run", "recipe.toml", "-q", "--json", *given)
    assert told.json["exit"] == code
    assert f"vox2pix: {told.json['error']['message']}\n" == said.err
    return said.err, told.json["error"]


def add_keys(lab, keys, tables=""):
    text = (lab / "recipe.toml").read_text()
    text = text.replace("[ridge.spaces.pixels]", f"{tables}[ridge.spaces.pixels]")
    (lab / "recipe.toml").write_text(text.replace("[data.arrays]\n", f"[data.arrays]\n{keys}\n"))


# --- what recipe and source show: nothing is written ----------------------------------------------


@pytest.mark.parametrize(
    ("alpha", "words"),
    [
        ("0", "alpha = 0, but it should be greater than 0"),
        ("-1", "alpha = -1, but it should be greater than 0"),
        ("nan", "alpha = nan, but it should be a finite number"),
        ("inf", "alpha = inf, but it should be a finite number"),
        ('"gcv"', 'is no number; take one, or a table to have it chosen, such as { by = "gcv" }'),
        ("1e-300", "alpha = 1e-300: expected 1e-18 to 1e+18"),
        ("1e300", "alpha = 1e+300: expected 1e-18 to 1e+18"),
        ("{from=0}", "from = 0, but it should be greater than 0"),
        ("{from=nan}", "from = nan, but it should be a finite number"),
        ("{to=nan, per='feature'}", "to = nan, but it should be a finite number"),
        ("{from=1e-300, by='loo'}", "from = 1e-300: expected 1e-18 to 1e+18"),
    ],
)
def test_an_alpha_that_is_no_penalty(vox2pix, lab, alpha, words):
    line, _ = refused(vox2pix, 2, words, ALPHA + alpha)
    assert "[ridge.spaces.pixels" in line
    assert not (lab / "archive").exists()


def one_row(lab, arrays):
    arrays |= {name: arrays[name][:1] for name in ("xTrain", "yTrain")}


def one_row_of_four_trials(lab, arrays):
    one_row(lab, arrays)
    arrays |= {"xTrain": arrays["xTrain"].repeat(4, axis=0), "seen": np.zeros(4, int)}
    add_keys(lab, 'train_index = "seen"')


def nan_voxel(lab, arrays):
    arrays["xTrain"][:, 17] = np.nan
    arrays["at"] = np.arange(120).reshape(40, 3)
    add_keys(lab, 'voxel_ijk = "at"')


def nan_row(lab, arrays):
    arrays["xTest"][3] = np.nan


def captions_of_fewer_pictures(lab, arrays):
    arrays |= {"told": np.array(["a dog"] * 29), "asked": np.array(["a cat"] * 6)}
    add_keys(lab, 'train_captions = "told"\ntest_captions = "asked"', WORDS)


def a_picture_that_is_not_there(lab, arrays):
    arrays["seen"] = np.arange(30)
    arrays["seen"][5] = 99
    add_keys(lab, 'train_index = "seen"')


@pytest.mark.parametrize(
    ("spoil", "words", "changes"),
    [
        (one_row, "1 training trial found: a standard deviation needs two", []),
        (one_row, "1 training trial found in one run", ["responses.standardize=run"]),
        (one_row, "1 training row found; a ridge with an intercept", ["responses.standardize=none"]),
        (one_row, "1 training row found; a ridge", ["responses.standardize=none", ALPHA + "{by='loo'}"]),
        (one_row_of_four_trials, "1 training row found; a ridge with an intercept needs at least 2", []),
        (nan_voxel, "voxel 17 at i 51, j 52, k 53 (column 17 of xTrain), row 0 is nan", []),
        (nan_row, "'xTest' of release.npz holds 40 numbers that are not finite", []),
        (nan_row, "row 3 is nan", []),
        (a_picture_that_is_not_there, "'seen' of release.npz is 99 in row 5, expected", []),
        (
            captions_of_fewer_pictures,
            "has shape (29,), expected one entry for each of 30 images",
            [],
        ),
    ],
)
def test_rows_and_voxels_that_make_no_ridge(vox2pix, lab, arrays, spoil, words, changes):
    spoil(lab, arrays)
    np.savez(lab / "release.npz", **arrays)
    refused(vox2pix, 3, words, *changes)
    assert not (lab / "archive").exists()


# --- what shows on the way: the product is named --------------------------------------------------


def test_an_alpha_that_is_lost_beside_the_gram(vox2pix, lab):
    words = "is lost in the rounding of a Gram matrix with 39 on its diagonal in float64"
    _, error = refused(vox2pix, 2, f"s1/smoother/pixels: alpha = 1e-17 {words}", ALPHA + "1e-17")
    assert (error["kind"], error["product"], error["block"]) == ("recipe", "s1/smoother/pixels", 0)
    for candidates in ("{from=1e-17}", "{from=1e-17, count=2}", "{from=1e-17, per='feature'}"):
        refused(vox2pix, 2, "alpha = 1e-17 is lost in the rounding of a Gram matrix", ALPHA + candidates)


def test_responses_that_float32_cannot_hold(vox2pix, lab, arrays):
    """A voxel that hardly varied in training and is enormous in a test row."""
    arrays["xTrain"][:, 17] *= 1e-30
    arrays["xTest"][2, 17] = 1e10
    arrays["at"] = np.arange(120).reshape(40, 3)
    add_keys(lab, 'voxel_ijk = "at"')
    np.savez(lab / "release.npz", **arrays)
    words = "the responses hold inf in voxel 17 (i 51, j 52, k 53), row 32 (picture 32); a ridge needs finite"
    refused(vox2pix, 3, words)


@pytest.mark.parametrize("by", ["gcv", "loo", "kfold", "retrieval"])
def test_targets_of_which_none_varies(vox2pix, lab, arrays, by):
    arrays["yTrain"][:] = 7
    np.savez(lab / "release.npz", **arrays)
    words = "s1/alpha/pixels: No target varies over the training rows"
    for count in (2, 30):  # by factors, and by a spectrum
        refused(vox2pix, 3, words, f"{ALPHA}{{by='{by}', count={count}}}")


@pytest.mark.parametrize("alpha", ["10", "{per='feature'}", "{per='feature', by='loo'}"])
def test_constant_targets_are_predicted_by_their_constant(vox2pix, lab, arrays, alpha):
    """With a penalty, or one a feature, there is nothing to refuse: no NaN comes of it."""
    arrays["yTrain"][:, 3, 5] = 51
    np.savez(lab / "release.npz", **arrays)
    said = vox2pix("run", "recipe.toml", "-q", "--set", ALPHA + alpha)
    assert (said.code, said.err) == (0, "")
    found = Archive("archive").open("predictions/pixels", subject="s1").load()
    constant = 3 * 8 + 5
    np.testing.assert_allclose(found.predicted.values[:, constant], 51 / 255, rtol=1e-6)
    assert np.isfinite(found.predicted.values).all()
    assert not found.r.values[constant]
    assert np.isfinite(found[["r", "r2"]].to_array().values).all()


def test_features_that_float16_cannot_hold(vox2pix, lab, arrays):
    arrays["told"] = np.array(["a dog"] * 29 + ["cat " * 70_000])
    arrays["asked"] = np.array(["a dog and a cat"] * 6)
    add_keys(lab, 'train_captions = "told"\ntest_captions = "asked"', WORDS)
    np.savez(lab / "release.npz", **arrays)
    words = 'picture 29 is 70000, no finite float16 (1 such); use dtype = "float32"'
    line, error = refused(vox2pix, 3, words)
    assert error["product"].endswith("/features/words")
    assert error["product"] in line
    assert vox2pix("run", "recipe.toml", "-q", "--set", "features.words.dtype=float32").code == 0
