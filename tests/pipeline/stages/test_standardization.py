"""Means and deviations of trials that were not all measured."""

from __future__ import annotations

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from pipeline.stages.standardization import averaged, standardize_groups, summing, training_moments


@settings(deadline=None, max_examples=30)
@given(seed=st.integers(0, 99), lost=st.sampled_from([0.0, 0.3]))
def test_moments_and_means_are_those_of_numpy_without_nan(seed, lost):
    random = np.random.default_rng(seed)
    values = random.normal(3, 2, (30, 4))
    values[random.random(values.shape) < lost] = np.nan
    values[:3] = 1.0  # every voxel was measured three times at least
    mean, std = training_moments(values)
    np.testing.assert_allclose(mean, np.nanmean(values, axis=0))
    np.testing.assert_allclose(std, np.nanstd(values, axis=0, ddof=1))
    of_trial = np.array([-1] * 3 + list(random.permutation(27) % 5))
    found = averaged(values, summing(of_trial))
    expected = [[_mean(values[of_trial == row, voxel]) for voxel in range(4)] for row in range(5)]
    np.testing.assert_allclose(found, expected)


def _mean(values):
    there = values[~np.isnan(values)]
    return there.mean() if len(there) else 0.0


def test_groups_are_standardised_by_their_own_training_trials():
    random = np.random.default_rng(0)
    values, groups, test = random.normal(5, 3, (40, 3)), np.arange(40) % 2, np.arange(40) >= 30
    values[:, 2] = 7.0
    found = values.copy()
    standardize_groups(found, groups, test)
    for group in (0, 1):
        training = found[(groups == group) & ~test]
        np.testing.assert_allclose(training[:, :2].mean(axis=0), 0, atol=1e-12)
        np.testing.assert_allclose(training[:, :2].std(axis=0, ddof=1), 1)
    assert (found[:, 2] == 0).all()
