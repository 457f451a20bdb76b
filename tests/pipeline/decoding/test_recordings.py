"""What is handed to a decoder: every array of numbers of the right voxels, and nothing else."""

from __future__ import annotations

import numpy as np
import pytest
import xarray as xr
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import array_shapes, arrays

from pipeline.decoding.recordings import Recordings
from pipeline.errors import ShapeError

KINDS = ["<f2", "<f4", ">f4", "<f8", ">f8", "i1", "u1", "<i2", ">i4", "<i8", "<u4"]
VOXELS = 7


def stored(std=None):
    random = np.random.default_rng(0)
    std = random.uniform(0.5, 2, VOXELS) if std is None else std
    return xr.Dataset(
        {
            "mean": ("voxel", random.normal(size=VOXELS).astype(np.float32)),
            "std": ("voxel", std.astype(np.float32)),
        }
    )


@given(st.data(), st.sampled_from(KINDS), st.sampled_from("CF"), st.booleans())
def test_any_numbers_in_any_order_are_standardised_by_voxel(data, kind, order, strided):
    rows = data.draw(st.integers(1, 5))
    small = st.integers(0, 100)
    values = np.asarray(data.draw(arrays(kind, (rows, VOXELS), elements=small)), order=order)
    given_ = np.repeat(values, 2, axis=0)[::2] if strided else values
    made = Recordings.of(given_, VOXELS, "s1").standardized("train", stored(), None, already=False)
    known = stored()
    expected = (values.astype(np.float64) - known["mean"].values) / known["std"].values
    assert made.dtype == np.float32
    np.testing.assert_allclose(made, expected, rtol=1e-5, atol=1e-5)


@given(st.integers(0, 3), st.integers(0, VOXELS - 1), st.sampled_from([np.nan, np.inf, -np.inf, 1e300]))
def test_a_number_that_is_none_is_named(row, column, bad):
    values = np.ones((4, VOXELS))
    values[row, column] = bad
    with pytest.raises(
        ShapeError, match=rf"holds {bad:g} in row {row}, column {column} ".replace("+", r"\+")
    ):
        Recordings.of(values, VOXELS, "s1")


@given(array_shapes(min_dims=0, max_dims=3, min_side=0, max_side=9))
def test_other_shapes_are_refused(shape):
    fits = shape == (VOXELS,) or (len(shape) == 2 and shape[1] == VOXELS and shape[0] > 0)
    if fits:
        assert len(Recordings.of(np.ones(shape), VOXELS, "s1")) == (shape[0] if len(shape) == 2 else 1)
        return
    with pytest.raises(ShapeError, match="expected"):
        Recordings.of(np.ones(shape), VOXELS, "s1")


def test_columns_are_told_with_the_product_that_orders_them():
    said = (
        r"has 3 columns \(it may be transposed\), s1 has 7 voxels; .* order of product `voxels` \(s1/voxels\)"
    )
    with pytest.raises(ShapeError, match=said):
        Recordings.of(np.ones((7, 3)), VOXELS, "s1")


@pytest.mark.parametrize(
    "values", [np.array([["a"]]), np.ones((1, VOXELS), complex), np.ones((1, VOXELS), bool)]
)
def test_other_kinds_are_refused(values):
    with pytest.raises(ShapeError, match="expected numbers"):
        Recordings.of(values, VOXELS, "s1")


def test_constant_voxels_say_nothing_of_new_rows():
    std = np.ones(VOXELS)
    std[2] = 0
    made = Recordings.of(np.full((3, VOXELS), 5.0), VOXELS, "s1")
    assert (made.standardized("train", stored(std), None, already=False)[:, 2] == 0).all()


def test_rows_are_worked_on_a_part_at_a_time(monkeypatch):
    values = np.random.default_rng(0).normal(size=(50, VOXELS))
    whole = Recordings.of(values, VOXELS, "s1").standardized("train", stored(), None, already=False)
    monkeypatch.setattr("pipeline.decoding.recordings.PART", 3 * 8 * VOXELS)
    parts = Recordings.of(values, VOXELS, "s1").standardized("train", stored(), None, already=False)
    np.testing.assert_array_equal(whole, parts)


def test_numbers_too_large_once_standardised_are_named():
    tiny = stored(np.full(VOXELS, 1e-30))
    values = np.zeros((2, VOXELS))
    values[1, 4] = 1e20
    with pytest.raises(ShapeError, match=r"1e\+20 in row 1, column 4 .* too large"):
        Recordings.of(values, VOXELS, "s1").standardized("train", tiny, None, already=False)
