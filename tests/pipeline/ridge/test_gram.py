from __future__ import annotations

from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pipeline.errors import ShapeError
from pipeline.ridge import (
    cross_gram,
    gram_and_cross,
    gram_band,
    gram_bands,
    gram_rows,
    primal_gram_band,
    symmetric,
)


def cut(x, widths):
    edges = np.cumsum(widths)
    return np.split(x, edges[edges < x.shape[1]], axis=1)


def centre(x):
    return x - x.mean(axis=0)


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_bands_stacked_are_the_lower_triangle(library, random, dtype):
    x = random.normal(5, 2, (23, 2100)).astype(dtype)
    bands = [gram_band([library.put(x)], start, stop, dtype) for start, stop in ((0, 8), (8, 9), (9, 23))]
    gram = np.concatenate([library.get(band) for band in bands])
    expected = np.tril(centre(x.astype("float64")) @ centre(x.astype("float64")).T)
    assert gram.dtype == dtype
    assert np.all(np.triu(gram, 1) == 0)
    np.testing.assert_allclose(gram, expected, atol=(1e-9 if dtype == "float64" else 1e-2))


@settings(max_examples=20, deadline=None)
@given(st.sets(st.integers(1, 299), max_size=5), st.data())
def test_bits_do_not_depend_on_which_bands_share_a_walk(inner, data):
    x = np.random.default_rng(2).normal(3, 1, (300, 1500)).astype("float32")
    spans = list(pairwise([0, *sorted(inner), 300]))
    some = data.draw(st.lists(st.sampled_from(spans), min_size=1, unique=True))
    for span, band in zip(some, gram_bands([x], some), strict=True):
        np.testing.assert_array_equal(band, gram_band([x], *span))


@settings(max_examples=20, deadline=None)
@given(st.lists(st.integers(1, 1500), min_size=1, max_size=6), st.integers(0, 11), st.booleans())
def test_bits_do_not_depend_on_how_voxels_come(widths, start, fortran):
    x = np.random.default_rng(1).normal(3, 1, (12, 2500)).astype("float32")
    blocks = [np.asfortranarray(block) if fortran else block for block in cut(x, widths)]
    np.testing.assert_array_equal(gram_band(blocks, start, 12), gram_band([x], start, 12))


@settings(max_examples=20, deadline=None)
@given(st.lists(st.integers(1, 1500), min_size=1, max_size=6))
def test_cross_does_not_depend_on_how_voxels_come(widths):
    x = np.random.default_rng(1).normal(3, 1, (17, 2500)).astype("float32")
    pairs = [(block[:12], block[12:]) for block in cut(x, widths)]
    np.testing.assert_array_equal(cross_gram(pairs), cross_gram([(x[:12], x[12:])]))


def test_cross_is_centred_by_the_training_mean(library, random):
    train, test = random.normal(4, 1, (9, 1500)), random.normal(7, 1, (4, 1500))
    cross = library.get(cross_gram([(library.put(train), library.put(test))], "float64"))
    np.testing.assert_allclose(cross, (test - train.mean(0)) @ centre(train).T, rtol=1e-10)


def test_gram_and_cross_in_one_walk_are_the_same_bits(library, random):
    train, test = random.normal(4, 1, (9, 1500)).astype("float32"), random.normal(7, 1, (4, 1500))
    pair = library.put(train), library.put(test.astype("float32"))
    gram, cross = (library.get(part) for part in gram_and_cross([pair]))
    np.testing.assert_array_equal(gram, library.get(gram_band([pair[0]], 0, 9)))
    np.testing.assert_array_equal(cross, library.get(cross_gram([pair])))


def test_primal_bands_stacked_are_the_lower_triangle(library, random):
    x = random.normal(5, 2, (30, 1300))
    bands = []
    for start, stop in ((0, 700), (700, 1300)):
        before = [library.put(part) for part in np.split(x[:, :start], [100], axis=1)]
        bands.append(library.get(primal_gram_band(library.put(x[:, start:stop]), before, 1300, "float64")))
    gram = np.concatenate(bands)
    assert np.all(np.triu(gram, 1) == 0)
    np.testing.assert_allclose(gram, np.tril(centre(x).T @ centre(x)), atol=1e-9)


def test_primal_bits_do_not_depend_on_how_voxels_come():
    x = np.random.default_rng(2).normal(3, 1, (40, 2500)).astype("float32")
    whole = primal_gram_band(x[:, 2200:], [x[:, :2200]], 2500)
    parts = primal_gram_band(x[:, 2200:], cut(x[:, :2200], [300, 1000, 17]), 2500)
    np.testing.assert_array_equal(whole, parts)


def test_large_means_leave_no_trace(random):
    x = random.normal(0, 1, (20, 300)).astype("float32")
    shifted = x + np.float32(1024)  # exact but for the last bits of x
    np.testing.assert_allclose(
        gram_band([shifted], 0, 20), gram_band([shifted - np.float32(1024)], 0, 20), rtol=1e-5, atol=1e-3
    )


def test_constant_voxels_add_nothing(random):
    x = random.normal(0, 1, (20, 30))
    padded = np.concatenate([x, np.full((20, 5), 0.1)], axis=1)
    band, expected = gram_band([padded], 0, 20, "float64"), gram_band([x], 0, 20, "float64")
    np.testing.assert_allclose(band, expected, atol=1e-12)


def test_whole_from_lower(library, random):
    x = random.normal(0, 1, (7, 5))
    whole = x @ x.T
    below = library.put(np.tril(whole))
    np.testing.assert_array_equal(library.get(symmetric(below)), np.tril(whole) + np.tril(whole, -1).T)
    # What stands above the diagonal is not read.
    dirty = library.put(np.tril(whole) + np.triu(np.full((7, 7), np.nan), 1))
    rows = library.get(gram_rows(dirty, np.array([1, 6, 3])))
    np.testing.assert_allclose(rows, whole[[1, 6, 3]])


@pytest.mark.parametrize(
    ("blocks", "message"),
    [
        ([np.ones((1, 4))], r"1 training row\(s\) found; ridge .* at least 2"),
        ([], "No voxels found"),
        ([np.ones((3, 0))], "No voxels found"),
        ([np.ones((3, 4)), np.ones((2, 4))], "A block of 2 rows follows one of 3"),
        ([np.ones((2, 4))], "Band 0:3 of a Gram matrix of 2 rows"),
    ],
)
def test_bad_blocks_are_refused(blocks, message):
    with pytest.raises(ShapeError, match=message):
        gram_band(blocks, 0, 3)


def test_train_and_test_of_unequal_voxels_are_refused():
    with pytest.raises(ShapeError, match="Blocks of 4 and 5 voxels stand side by side"):
        cross_gram([(np.ones((3, 4)), np.ones((2, 5)))])


def test_primal_blocks_that_do_not_fit_are_refused():
    with pytest.raises(ShapeError, match="expected 5 rows and at most 4 voxels"):
        primal_gram_band(np.ones((5, 3)), [np.ones((5, 2))], 4)
    with pytest.raises(ShapeError, match="Blocks of 4 rows"):
        primal_gram_band(np.ones((5, 2)), [np.ones((4, 2))], 4)
