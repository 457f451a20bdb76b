from __future__ import annotations

import numpy as np
import pytest
from sklearn.linear_model import Ridge

from pipeline.errors import PipelineError, ShapeError
from pipeline.ridge import (
    centred,
    column_means,
    dual_smoother,
    factorise,
    gram_band,
    gram_rows,
    leave_out,
    merge_columns,
    partners,
    primal_gram_band,
    primal_smoother,
    sample_rows,
)

PICTURES = {
    "single": np.arange(12),
    "repeated": np.array([0, 1, 2, 0, 1, 3, 4, 4, 0, 5, 6, 2]),
}


def hat_rows(x, rows, alpha, form):
    if form == "dual":
        gram = gram_band([x], 0, x.shape[0], "float64")
        return dual_smoother(factorise(gram, alpha), gram_rows(gram, rows))
    factor = factorise(primal_gram_band(x, [], x.shape[1], "float64"), alpha)
    return primal_smoother(factor, centred(x, column_means(x), "float64")[rows[0] :, :], [x])[: rows.size, :]


def refitted(x, y, picture, alpha, row):
    kept = picture != picture[row]
    return Ridge(alpha).fit(x[kept], y[kept]).predict(x[[row]])[0]


@pytest.mark.parametrize("form", ["dual", "primal"])
@pytest.mark.parametrize("repeats", PICTURES)
@pytest.mark.parametrize("alpha", [0.5, 20.0])
def test_equals_refits_without_the_picture(library, random, form, repeats, alpha):
    picture = PICTURES[repeats]
    x, y = random.normal(2, 1, (12, 9)), random.normal(5, 1, (picture.max() + 1, 4))
    everything = np.arange(12)
    hat = hat_rows(library.put(x), everything, alpha, form)
    left = leave_out(hat, everything, picture, everything)
    expected = [refitted(x, y[picture], picture, alpha, row) for row in everything]
    np.testing.assert_allclose(library.get(left) @ y[picture], expected, atol=1e-8)
    merged = library.get(merge_columns(left, picture, y.shape[0]))
    np.testing.assert_allclose(merged @ y, expected, atol=1e-8)
    assert np.all(library.get(left)[picture[:, None] == picture[None, :]] == 0)
    np.testing.assert_allclose(library.get(left).sum(axis=1), 1)


def test_a_sample_needs_only_its_pictures_rows(random):
    picture, sample = PICTURES["repeated"], np.array([3, 9])
    x, y = random.normal(2, 1, (12, 9)), random.normal(5, 1, (12, 4))
    rows = partners(sample, picture)
    assert rows.tolist() == [0, 3, 8, 9]
    left = leave_out(hat_rows(x, rows, 2.0, "dual"), rows, picture, sample)
    expected = [refitted(x, y[picture], picture, 2.0, row) for row in sample]
    np.testing.assert_allclose(left @ y[picture], expected, atol=1e-8)


def test_single_rows_follow_the_textbook(random):
    x, rows = random.normal(size=(12, 9)), np.arange(12)
    hat = hat_rows(x, rows, 2.0, "dual")
    own = np.diag(hat)[:, None]
    expected = (hat - own * np.eye(12)) / (1 - own)
    np.testing.assert_allclose(leave_out(hat, rows, rows, rows), expected, atol=1e-12)


def test_samples_are_seeded_sorted_and_distinct():
    sample = sample_rows(5000, seed=7)
    assert sample.shape == (1000,)
    assert np.all(np.diff(sample) > 0)
    np.testing.assert_array_equal(sample, sample_rows(5000, seed=7))
    assert not np.array_equal(sample, sample_rows(5000, seed=8))
    np.testing.assert_array_equal(sample_rows(30, seed=7), np.arange(30))
    assert sample_rows(20, seed=0, count=4).tolist() == [2, 3, 11, 13]  # the same on every machine


def test_an_exact_fit_is_refused():
    with pytest.raises(PipelineError, match=r"Training row 2 is fitted exactly .* raise alpha"):
        leave_out(np.eye(4), np.arange(4), np.arange(4), np.array([2]))


def test_one_picture_is_refused():
    with pytest.raises(ShapeError, match="All training rows saw the same picture"):
        leave_out(np.full((3, 3), 1 / 3), np.arange(3), np.zeros(3, int), np.array([2]))
