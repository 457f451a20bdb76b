"""The feature space of caption words: parity, refusals, and the way from brain to words."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
import xarray as xr
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.feature_extraction.text import CountVectorizer

from cluster import Threads
from pipeline import plan, run
from pipeline.errors import RecipeError, ShapeError
from pipeline.features import words
from pipeline.stages.words import word_features
from storage.archive import Archive

THREADS = Threads(workers=2)
TEXT = st.one_of(
    st.lists(st.sampled_from(["A", "disc", "Disc's", "isn't", "red,", "2", "-", "…", "été"]), max_size=5).map(
        " ".join
    ),
    st.text("aAbé'’ .1\n", max_size=12),
)
CAPTIONS = st.integers(1, 3).flatmap(
    lambda slots: st.lists(st.lists(TEXT, min_size=slots, max_size=slots), min_size=1, max_size=8)
)


# ---------------------------------------------------------------------------------------------- arithmetic


@settings(max_examples=150)
@given(CAPTIONS, st.integers(1, 3))
def test_words_and_counts_equal_scikit_learns(captions, least):
    theirs = CountVectorizer(token_pattern=words.WORD.pattern, lowercase=True, min_df=least)
    joined = ["\n".join(picture) for picture in captions]
    try:
        counts = theirs.fit_transform(joined).toarray()
    except ValueError:  # it refuses to know no word at all
        assert words.vocabulary(captions, least) == ()
        return
    known = words.vocabulary(captions, least)
    assert known == tuple(theirs.get_feature_names_out())
    spoken = [max(1, sum(bool(caption.strip()) for caption in picture)) for picture in captions]
    ours = words.encode(captions, known)
    np.testing.assert_allclose(ours, counts / np.array(spoken)[:, None], rtol=1e-6)
    assert ours.dtype == np.float32


def test_least_counts_pictures_not_showings_of_a_word():
    captions = [["dot dot dot", "dot"], ["a line", ""], ["a LINE.", ""]]
    assert words.vocabulary(captions, 1) == ("a", "dot", "line")
    assert words.vocabulary(captions, 2) == ("a", "line")
    assert words.vocabulary(captions, 4) == ()


def test_empty_captions_are_none():
    known = ("a", "dot")
    once, padded = words.encode([["a dot"]], known), words.encode([["a dot", "", "  "]], known)
    np.testing.assert_array_equal(once, padded)
    np.testing.assert_array_equal(words.encode([["", ""], ["?", ""]], known), np.zeros((2, 2)))
    np.testing.assert_array_equal(words.encode([["dot dot", "a"]], known), [[0.5, 1.0]])
    assert words.encode([], known).shape == (0, 2)
    assert words.encode([["a"]], ()).shape == (1, 0)


def test_apostrophes_hold_a_word_together():
    assert words.vocabulary([["It's 'the' dog's' rock'n'roll"]], 1) == (
        "dog's",
        "it's",
        "rock'n",
        "roll",
        "the",
    )


# --------------------------------------------------------------------------------------------------- stage


def _inputs(captions, split, **coords):
    stimuli = xr.Dataset(
        coords={
            "image_id": ("image", np.array([str(at) for at in range(len(split))], object)),
            "split": ("image", np.array(split, object)),
        }
    )
    given = np.array(captions, object)
    return stimuli, xr.Dataset({"caption": (("image", "slot"), given)}, coords=coords)


def test_words_are_those_of_the_training_pictures():
    captions = [["a dot"], ["a line"], ["a dot"], ["a dot, a star"]]
    found = word_features(*_inputs(captions, ["train", "train", "train", "test"]))
    assert found.word.dims == ("feature",)
    assert found.word.values.tolist() == ["a", "dot"]
    assert found.word.attrs["long_name"] == "word counted"
    assert found.value.chunks is not None
    np.testing.assert_array_equal(found.value.values, [[1, 1], [1, 0], [1, 1], [2, 1]])
    assert found.value.attrs["unflattened"] == [2]
    assert found.split.values.tolist() == ["train", "train", "train", "test"]
    assert word_features(*_inputs(captions, ["train"] * 4), least=1, dtype="float16").value.dtype == "float16"


def test_blocks_are_as_the_whole(monkeypatch):
    from pipeline.stages import words as stage

    captions = [[f"word {'abc'[at % 3]}", "and more" * (at % 2)] for at in range(20)]
    whole = word_features(*_inputs(captions, ["train"] * 20))
    monkeypatch.setattr(stage, "IMAGES", 6)
    parts = word_features(*_inputs(captions, ["train"] * 20))
    assert len(parts.chunksizes["image"]) == 4
    xr.testing.assert_identical(parts.compute(), whole.compute())


@pytest.mark.parametrize(
    ("captions", "coords", "says"),
    [
        ([["a"]], {}, "captions of 1 pictures, expected one row for each of 2"),
        ([["a"], ["b"]], {}, "no word stands in the captions of 2 training pictures or more; lower `least`"),
        ([["a"], ["a"]], {"image_id": ("image", ["1", "0"])}, "captions are in another order"),
    ],
)
def test_captions_that_do_not_fit(captions, coords, says):
    with pytest.raises(ShapeError, match=says) as caught:
        word_features(*_inputs(captions, ["train", "train"], **coords))
    assert "\n" not in str(caught.value)


# ----------------------------------------------------------------------------------------- recipe and run


def _described(arrays):
    """Add captions that say where the bright disc is, in two ways; some pictures have one caption only."""
    for split in ("train", "test"):
        texts = [_captions(at, picture) for at, picture in enumerate(arrays[f"{split}_images"])]
        arrays[f"{split}_captions"] = np.array(texts)
    return arrays


def _captions(number, picture):
    y, x = np.unravel_index(picture.astype(float).argmax(), picture.shape)
    row, column = "upper" if y < 8 else "lower", "left" if x < 8 else "right"
    return [f"A disc on the {row} {column}.", f"the {column} has it" if number % 3 else ""]


TABLES = {
    "data": {"arrays": {"train_captions": "train_captions", "test_captions": "test_captions"}},
    "features": {"words": {"model": "words"}, "pca": None},
    "ridge": {"spaces": {"words": {"alpha": 30}, "pca": None}},
    "images": {"pca": None},
    "scores": {"pca": None},
}


@pytest.fixture
def recipe(make_recipe, arrays):
    return make_recipe(TABLES, _described(arrays(train=80, test=20, noise=0.2)))


def test_words_are_predicted_from_the_brain(recipe):
    outcome = run(recipe, cluster=THREADS)
    assert json.dumps(outcome.as_json())
    archive = Archive(recipe.data.archive)
    features = archive.open("features/words", subject="all")
    found = archive.open("predictions/words", subject="s1")
    captions = archive.open("captions", subject="all").caption.values
    spoken = features.word.values.tolist()
    assert spoken == ["a", "disc", "has", "it", "left", "lower", "on", "right", "the", "upper"]
    np.testing.assert_array_equal(features.value.values, words.encode(captions, spoken))
    r = dict(zip(spoken, found.r.values.tolist(), strict=True))
    assert min(r["left"], r["right"]) > 0.6
    assert min(r["upper"], r["lower"]) > 0.6
    assert abs(r["has"]) < 0.5  # said of two pictures in three, whatever they show
    left, right = (found.predicted.values[:, spoken.index(word)] for word in ("left", "right"))
    true = features.value.values[features.split.values == "test"]
    np.testing.assert_array_less(0.8, np.mean((left > right) == (true[:, 4] > true[:, 7])))
    assert run(recipe, cluster=THREADS).computed == 0


def test_settings_enter_the_fingerprint(recipe, make_recipe, arrays):
    def step(given):
        return next(step for step in plan(given) if step.product == "features/words")

    rarer = make_recipe(
        {**TABLES, "features": {"words": {"model": "words", "least": 3}, "pca": None}},
        _described(arrays(train=80, test=20, noise=0.2)),
    )
    assert step(recipe).fingerprint != step(rarer).fingerprint
    assert step(recipe).settings == {"least": 2, "dtype": "float32"}
    assert set(step(recipe).inputs) == {"stimuli", "captions"}
    assert step(recipe).owner == "all"


def test_a_source_without_captions_is_told_before_anything_is_written(make_recipe):
    recipe = make_recipe({**TABLES, "data": {}})
    with pytest.raises(RecipeError, match=r"\[features\.words\] .* has none; name them in \[data\.arrays\]"):
        run(recipe, cluster=THREADS)
    assert not Path(recipe.data.archive).exists()


@pytest.mark.parametrize(
    ("changes", "says"),
    [
        (
            {"features": {"words": {"least": 0}}},
            r"\[features.words\] least = 0, .* greater than or equal to 1",
        ),
        (
            {"features": {"words": {"size": 8}}},
            r"\[features.words\] takes no 'size'.* takes model, least, dtype",
        ),
        (
            {"features": {"words": {"dtype": "float16"}}, "fidelity": "faithful"},
            r"\[features.words\] dtype = 'float16' loses digits",
        ),
        (
            {"images": {"x": {"generator": "pixels", "features": "words"}}},
            r"\[images.x\] features = 'words' is a space of 'words', which generator 'pixels' cannot paint",
        ),
        ({"images": {"x": {"generator": "words"}}}, "generator = 'words' is not in this version"),
        ({"features": {"words": {"model": "word"}}}, "which has pixels, pca, .*; did you mean 'words'?"),
    ],
)
def test_mistakes_are_told_in_one_line(make_recipe, changes, says):
    tables = {**TABLES, **{key: value for key, value in changes.items() if key != "features"}}
    if "features" in changes:
        tables["features"] = {"pca": None, "words": {"model": "words", **changes["features"]["words"]}}
    if "images" in changes:
        tables["images"] = {"pca": None, **changes["images"]}
    with pytest.raises(RecipeError, match=says):
        make_recipe(tables)
