from __future__ import annotations

import numpy as np
import pytest
from skimage.color import rgb2gray
from skimage.metrics import structural_similarity

from pipeline.errors import ShapeError
from pipeline.metrics import ssim, ssim_columns

SETTINGS = {"gaussian_weights": True, "sigma": 1.5, "use_sample_covariance": False, "data_range": 1.0}


def noisy(shape, seed=0):
    random = np.random.default_rng(seed)
    seen = random.integers(0, 256, shape, dtype=np.uint8)
    return seen, np.clip(seen + random.normal(0, 60, shape), 0, 255).astype(np.uint8)


def grey(picture):
    return rgb2gray(picture / 255) if picture.shape[2] == 3 else picture[:, :, 0] / 255


@pytest.mark.parametrize("shape", [(3, 28, 28, 1), (2, 40, 31, 3), (1, 11, 11, 3)])
def test_equals_scikit_image(shape):
    seen, made = noisy(shape)
    expected = [structural_similarity(grey(a), grey(b), **SETTINGS) for a, b in zip(seen, made, strict=True)]
    np.testing.assert_allclose(ssim(seen, made), expected, atol=1e-12)


@pytest.mark.parametrize("shape", [(3, 28, 28, 1), (2, 40, 31, 3), (2, 20, 5, 3)])
def test_columns_equal_scikit_image_told_that_columns_are_channels(shape):
    seen, made = noisy(shape)
    expected = [
        structural_similarity(grey(a), grey(b), channel_axis=-1, **SETTINGS)
        for a, b in zip(seen, made, strict=True)
    ]
    np.testing.assert_allclose(ssim_columns(seen, made), expected, atol=1e-12)


@pytest.mark.parametrize("function", [ssim, ssim_columns])
def test_equal_pictures_score_one(function):
    seen, _ = noisy((2, 16, 16, 3))
    np.testing.assert_allclose(function(seen, seen), 1)


def test_grey_beside_colour_is_the_same_picture():
    seen, _ = noisy((2, 16, 16, 1))
    np.testing.assert_allclose(ssim(seen, np.repeat(seen, 3, axis=3)), 1)


def test_pictures_smaller_than_the_window_are_refused():
    small, _ = noisy((2, 10, 30, 1))
    for function in (ssim, ssim_columns):
        with pytest.raises(ShapeError, match=r"Pictures of 10 x 30 pixels found; .* at least 11 a side"):
            function(small, small)
    narrow, _ = noisy((2, 30, 10, 1))
    assert ssim_columns(narrow, narrow).shape == (2,)
