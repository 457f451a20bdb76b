from __future__ import annotations

import numpy as np
import pytest
from scipy.ndimage import gaussian_filter

from pipeline.errors import ShapeError
from pipeline.metrics import ssim, ssim_columns


def noisy(shape, seed=0):
    random = np.random.default_rng(seed)
    seen = random.integers(0, 256, shape, dtype=np.uint8)
    return seen, np.clip(seen + random.normal(0, 60, shape), 0, 255).astype(np.uint8)


def by_formula(a, b, axes):
    """Wang et al. 2004, equation 13, on ITU-R BT.709 luminance, in windows that lie inside the picture."""

    def grey(picture):
        weights = np.array([0.2125, 0.7154, 0.0721]) if picture.shape[2] == 3 else np.ones(1)
        return picture / 255.0 @ weights

    def smooth(values):
        return gaussian_filter(values, 1.5, truncate=3.5, axes=axes)

    a, b = grey(a), grey(b)
    mean_a, mean_b = smooth(a), smooth(b)
    variances = smooth(a * a) - mean_a**2 + smooth(b * b) - mean_b**2
    covariance = smooth(a * b) - mean_a * mean_b
    likeness = (2 * mean_a * mean_b + 1e-4) / (mean_a**2 + mean_b**2 + 1e-4)
    likeness = likeness * (2 * covariance + 9e-4) / (variances + 9e-4)
    return likeness[tuple(slice(5, -5) if axis in axes else slice(None) for axis in (0, 1))].mean()


@pytest.mark.parametrize("shape", [(3, 28, 28, 1), (2, 40, 31, 3), (1, 11, 11, 3)])
def test_ssim_is_its_formula(shape):
    seen, made = noisy(shape)
    expected = [by_formula(a, b, (0, 1)) for a, b in zip(seen, made, strict=True)]
    np.testing.assert_allclose(ssim(seen, made), expected, atol=1e-7)


@pytest.mark.parametrize("shape", [(3, 28, 28, 1), (2, 40, 31, 3), (2, 20, 5, 3)])
def test_columns_are_pictures_of_one_dimension(shape):
    seen, made = noisy(shape)
    expected = [by_formula(a, b, (0,)) for a, b in zip(seen, made, strict=True)]
    np.testing.assert_allclose(ssim_columns(seen, made), expected, atol=1e-7)


@pytest.mark.parametrize("function", [ssim, ssim_columns])
def test_equal_pictures_score_one(function):
    seen, _ = noisy((2, 16, 16, 3))
    np.testing.assert_allclose(function(seen, seen), 1)


def test_grey_beside_colour_is_the_same_picture():
    seen, _ = noisy((2, 16, 16, 1))
    np.testing.assert_allclose(ssim(seen, np.repeat(seen, 3, axis=3)), 1)


def test_pictures_smaller_than_the_window_are_refused():
    small, _ = noisy((2, 10, 30, 1))
    for function, found in ((ssim, "10 x 30"), (ssim_columns, "10")):
        with pytest.raises(ShapeError, match=rf"Pictures of {found} pixels found; .* at least 11 a side"):
            function(small, small)
    narrow, _ = noisy((2, 30, 10, 1))
    assert ssim_columns(narrow, narrow).shape == (2,)
