from __future__ import annotations

import numpy as np
import pytest

from pipeline.ridge import ceiling


def test_noise_is_taken_out_again(library, random):
    """Of unequal numbers of showings, the ceiling is the correlation of predictions with their own signal."""
    pictures = np.repeat(np.arange(3000), random.integers(1, 5, 3000))
    signal, noise = random.normal(3, 1, (3000, 4))[pictures], np.array([0.1, 1.0, 2.0, 0.0])
    predicted = signal + noise * random.normal(size=signal.shape)
    found = library.get(ceiling(library.put(predicted), pictures))
    expected = [np.corrcoef(a, b)[0, 1] for a, b in zip(predicted.T, signal.T, strict=True)]
    np.testing.assert_allclose(found, expected, atol=0.03)
    target = signal + random.normal(size=(3000, 4))[pictures]
    clean = [np.corrcoef(a, b)[0, 1] for a, b in zip(signal.T, target.T, strict=True)]
    r = [np.corrcoef(a, b)[0, 1] for a, b in zip(predicted.T, target.T, strict=True)]
    np.testing.assert_allclose(r / found, clean, atol=0.06)


def test_pure_noise_has_no_ceiling_to_speak_of(random):
    pictures = np.arange(300) % 100
    assert ceiling(random.normal(size=(300, 50)), pictures).mean() < 0.2
    np.testing.assert_array_equal(ceiling(np.ones((300, 2)), pictures), 0)


@pytest.mark.parametrize("pictures", [np.arange(6), np.zeros(6, int)])
def test_without_repeats_nothing_is_known(library, random, pictures):
    assert np.isnan(library.get(ceiling(library.put(random.normal(size=(6, 3))), pictures))).all()
