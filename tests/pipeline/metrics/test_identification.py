from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pipeline.errors import ShapeError
from pipeline.metrics import two_way, two_way_pixels


def by_hand(seen, made):
    rows = len(seen)
    shares = []
    for j in range(rows):
        likeness = [np.corrcoef(seen[i], made[j])[0, 1] for i in range(rows)]
        shares.append(sum(likeness[i] < likeness[j] for i in range(rows) if i != j) / (rows - 1))
    return shares


@settings(max_examples=20, deadline=None)
@given(st.integers(0, 99), st.integers(2, 12), st.integers(3, 30))
def test_equals_counting_by_hand(seed, rows, features):
    random = np.random.default_rng(seed)
    seen = random.normal(size=(rows, features))
    made = seen + random.normal(size=seen.shape)
    np.testing.assert_allclose(two_way(seen, made), by_hand(seen, made))


def test_pixels_equal_counting_by_hand(random_pictures):
    seen, made = random_pictures(9, 40, 40, 3)
    expected = by_hand(seen.reshape(9, -1).astype(float), made.reshape(9, -1).astype(float))
    np.testing.assert_allclose(two_way_pixels(seen, made), expected)


def test_features_wider_than_a_block():
    random = np.random.default_rng(0)
    seen = random.normal(3, 1, size=(5, 20_000)).astype("float32")
    made = seen + random.normal(0, 30, size=seen.shape).astype("float32")
    np.testing.assert_allclose(two_way(seen, made), by_hand(seen, made))


def test_candidates_are_seen_pictures():
    seen = np.eye(3)
    made = np.stack([seen[1], seen[1], seen[1]])  # always the same picture: only the second is right
    np.testing.assert_array_equal(two_way(seen, made), [0.0, 1.0, 0.0])


def test_a_tie_is_a_failure(random_pictures):
    seen, made = random_pictures(4, 20, 20, 3)
    seen[3] = seen[0]
    made[0] = made[3] = seen[0]
    np.testing.assert_allclose(two_way_pixels(seen, made)[[0, 3]], 2 / 3)
    features = seen.reshape(4, -1).astype("float32")
    np.testing.assert_allclose(two_way(features, features)[[0, 3]], 2 / 3)


def test_pictures_of_one_value_fail():
    made = np.full((3, 12, 12, 1), 7, np.uint8)
    seen = np.random.default_rng(0).integers(0, 256, made.shape, dtype=np.uint8)
    np.testing.assert_array_equal(two_way_pixels(seen, made), [0, 0, 0])


def test_one_picture_is_refused(random_pictures):
    with pytest.raises(ShapeError, match=r"1 picture found; .* at least two pictures"):
        two_way_pixels(*random_pictures(1, 12, 12, 1))
    with pytest.raises(ShapeError, match="at least two pictures"):
        two_way(np.ones((1, 3)), np.ones((1, 3)))
    with pytest.raises(ShapeError, match=r"\(2, 3\) and \(2, 4\)"):
        two_way(np.ones((2, 3)), np.ones((2, 4)))
