"""The feature space of pixels: there and back."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from pipeline.errors import ShapeError
from pipeline.features import pixels
from pipeline.features.resize import resize

if TYPE_CHECKING:
    from numpy.typing import NDArray

squares = st.tuples(st.integers(1, 4), st.integers(1, 6), st.sampled_from([1, 3])).flatmap(
    lambda shape: hnp.arrays(np.uint8, (shape[0], shape[1], shape[1], shape[2]))
)


@given(squares)
def test_pictures_come_back_exactly(pictures: NDArray[np.uint8]) -> None:
    values = pixels.encode(pictures, pictures.shape[1])
    assert values.dtype == np.float32
    assert ((values >= 0) & (values <= 1)).all()
    np.testing.assert_array_equal(pixels.decode(values, pictures.shape[1:]), pictures)


def test_every_brightness_comes_back_exactly_in_any_precision() -> None:
    ramp = np.arange(256, dtype=np.uint8).reshape(1, 16, 16, 1)
    values = pixels.encode(ramp, 16)
    for dtype in (np.float16, np.float32, np.float64):
        np.testing.assert_array_equal(pixels.decode(values.astype(dtype), (16, 16, 1)), ramp)


def test_features_run_over_y_then_x_then_channel() -> None:
    pictures = np.arange(2 * 2 * 3, dtype=np.uint8).reshape(1, 2, 2, 3)
    np.testing.assert_allclose(pixels.encode(pictures, 2)[0] * 255, np.arange(12), rtol=1e-6)


def test_other_sizes_are_resized_first() -> None:
    pictures = np.random.default_rng(0).integers(0, 256, (2, 9, 7, 3), np.uint8)
    small = resize(pictures, (5, 5))
    np.testing.assert_array_equal(pixels.encode(pictures, 5), pixels.encode(small, 5))


def test_values_beyond_black_and_white_are_clipped_and_halves_go_to_even() -> None:
    values = np.array([[-3.0, 1.5, 0.5 / 255, 1.5 / 255]])
    assert pixels.decode(values, (2, 2, 1)).ravel().tolist() == [0, 255, 0, 2]


def test_values_that_make_no_picture_are_refused() -> None:
    with pytest.raises(ShapeError, match=r"shape \(2, 5\); expected \(row, 4\)"):
        pixels.decode(np.zeros((2, 5), np.float32), (2, 2, 1))
