from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from pipeline.errors import ShapeError
from pipeline.metrics import pixcorr
from pipeline.metrics.correlation import pixel_correlations


def pictures(seed, *shape):
    return np.random.default_rng(seed).integers(0, 256, shape, dtype=np.uint8)


@settings(max_examples=20, deadline=None)
@given(st.integers(0, 99), st.integers(2, 40), st.integers(1, 40), st.sampled_from([1, 3]))
def test_equals_numpys(seed, height, width, channels):
    seen, made = pictures(seed, 3, height, width, channels), pictures(seed + 100, 3, height, width, channels)
    flat = [part.reshape(3, -1).astype(float) for part in (seen, made)]
    expected = np.corrcoef(*flat)[:3, 3:]
    np.testing.assert_allclose(pixel_correlations(seen, made), expected, atol=1e-12)
    np.testing.assert_array_equal(pixcorr(seen, made), np.diagonal(pixel_correlations(seen, made)))


def test_extremes_are_exact():
    seen = np.zeros((2, 64, 64, 3), np.uint8)
    seen[:, :32] = 255
    assert pixcorr(seen, seen).tolist() == [1, 1]
    assert pixcorr(seen, 255 - seen).tolist() == [-1, -1]


def test_a_picture_of_one_value_correlates_zero():
    flat = np.full((1, 8, 8, 1), 9, np.uint8)
    assert pixcorr(flat, pictures(0, 1, 8, 8, 1)).tolist() == [0]
    assert pixcorr(pictures(0, 1, 8, 8, 1), flat).tolist() == [0]


def test_made_is_brought_to_the_seen_size_and_channels():
    seen, made = pictures(0, 2, 20, 30, 3), pictures(1, 2, 12, 12, 1)
    fitted = [
        np.asarray(Image.fromarray(p[:, :, 0]).resize((30, 20), Image.Resampling.BICUBIC)) for p in made
    ]
    expected = [
        np.corrcoef(a.ravel(), np.repeat(b[:, :, None], 3, axis=2).ravel())[0, 1]
        for a, b in zip(seen, fitted, strict=True)
    ]
    np.testing.assert_allclose(pixcorr(seen, made), expected, atol=1e-12)
    np.testing.assert_allclose(np.diagonal(pixel_correlations(seen, made)), expected, atol=1e-12)


@pytest.mark.parametrize(
    ("seen", "made", "message"),
    [
        (np.zeros((2, 4, 4, 3)), pictures(0, 2, 4, 4, 3), "Seen pictures are float64"),
        (
            pictures(0, 2, 4, 4, 3),
            pictures(0, 2, 4, 4, 4),
            r"Made pictures are uint8 of shape \(2, 4, 4, 4\)",
        ),
        (pictures(0, 2, 4, 4, 3), pictures(0, 3, 4, 4, 3), "2 seen and 3 made pictures"),
        (pictures(0, 0, 4, 4, 3), pictures(0, 0, 4, 4, 3), "0 seen and 0 made pictures"),
    ],
)
def test_what_is_no_pair_of_stacks_is_refused(seen, made, message):
    with pytest.raises(ShapeError, match=message):
        pixcorr(seen, made)
