"""Pictures blurred and enlarged: against scipy and Pillow's affine map, and what is drawn."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from scipy.ndimage import affine_transform, gaussian_filter

from pipeline.training.augment import BLUR, ZOOM, augmented, drawn


def smooth(side=32, seed=0):
    noise = np.random.default_rng(seed).normal(size=(2, 3, side, side))
    return np.stack([[gaussian_filter(one, 2) for one in picture] for picture in noise])


def done(pictures, blur, zoom):
    given = (torch.tensor(pictures), torch.tensor(blur).double(), torch.tensor(zoom).double())
    return augmented(*given).numpy()


def test_nothing_drawn_changes_nothing():
    pictures = smooth()
    np.testing.assert_allclose(done(pictures, [0.0, 0.0], [1.0, 1.0]), pictures, atol=1e-12)


def test_the_blur_is_a_gaussian_of_its_picture():
    pictures, sigma = smooth(), np.array([0.8, 1.5])
    found = done(pictures, sigma / 32, [1.0, 1.0])
    for one, blurred, width in zip(pictures, found, sigma, strict=True):
        expected = np.stack([gaussian_filter(plane, width, truncate=8) for plane in one])
        np.testing.assert_allclose(blurred[:, 8:-8, 8:-8], expected[:, 8:-8, 8:-8], atol=1e-6)


def test_a_picture_is_enlarged_about_its_middle():
    pictures, zoom = smooth(), [1.2, 1.05]
    found = done(pictures, [0.0, 0.0], zoom)
    for one, larger, times in zip(pictures, found, zoom, strict=True):
        middle = (32 - 1) / 2
        how = {"matrix": np.eye(2) / times, "offset": middle - middle / times, "order": 1}
        expected = np.stack([affine_transform(plane, **how) for plane in one])
        np.testing.assert_allclose(larger, expected, atol=1e-6)


def test_what_is_drawn_is_as_published():
    found = drawn(4000, torch.Generator().manual_seed(0))
    for values, low, high in ((found["blur"], 0, 3 / 425), (found["zoom"], 1, 1.2)):
        assert low <= values.min() < values.max() <= high
        assert values.mean() == pytest.approx((low + high) / 2, rel=0.03)
    assert (BLUR, ZOOM) == (3 / 425, 1.2)
    assert abs(np.corrcoef(found["blur"], found["zoom"])[0, 1]) < 0.05
