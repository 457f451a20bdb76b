from __future__ import annotations

import numpy as np
import pytest

from pipeline.errors import ShapeError
from pipeline.ridge import RunningMoments, moments


def test_blocks_joined_are_the_whole(library, random):
    values, counts = random.normal(1e4, 1, (50, 3)).astype("float32"), random.integers(0, 4, 50)
    running = RunningMoments()
    for rows in (slice(0, 7), slice(7, 8), slice(8, 50)):
        running.add(library.put(values[rows]), counts[rows])
    found, expected = running.moments(), moments(np.repeat(values, counts, axis=0))
    np.testing.assert_allclose(library.get(found.mean), expected.mean, rtol=1e-12)
    np.testing.assert_allclose(library.get(found.std), expected.std, rtol=1e-8)


def test_pictures_nobody_saw_count_for_nothing():
    running = RunningMoments()
    running.add(np.full((2, 1), np.inf), np.array([0, 0]))
    with pytest.raises(ShapeError, match="No rows of targets"):
        running.moments()
