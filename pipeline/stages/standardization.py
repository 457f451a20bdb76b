"""Trials (trial, voxel) standardised by the training ones, and averaged into rows; NaN is not measured."""

from __future__ import annotations

from typing import Any

import numpy as np


def summing(of_trial: np.ndarray) -> Any:
    """Return the sparse (row, trial) matrix that adds up each row's trials; row -1 is none."""
    from scipy.sparse import csr_array

    used = np.flatnonzero(of_trial >= 0)
    shape = (int(of_trial.max()) + 1, len(of_trial))
    return csr_array((np.ones(len(used)), (of_trial[used], used)), shape)


def averaged(values: np.ndarray, adding: Any) -> np.ndarray:
    """Return the mean of each row's trials, without those that are NaN; 0 where none is left."""
    there = ~np.isnan(values)
    count: np.ndarray = adding @ there.astype(np.float64)
    total: np.ndarray = adding @ np.where(there, values, 0.0)
    return np.asarray(total / np.maximum(count, 1.0))


def training_moments(percent: np.ndarray, ddof: int = 1) -> tuple[np.ndarray, np.ndarray]:
    """Return mean and standard deviation over the first axis, without NaN; 0 for a constant voxel.

    Rounding leaves a constant voxel a spread of some 1e-16 of its mean; that is no signal.
    """
    there = ~np.isnan(percent)
    count = there.sum(axis=0)
    mean = np.where(there, percent, 0.0).sum(axis=0) / np.maximum(count, 1)
    square = np.where(there, (percent - mean) ** 2, 0.0).sum(axis=0)
    std = np.sqrt(square / np.maximum(count - ddof, 1))
    return mean, np.where(std > 1e-12 * np.abs(mean), std, 0.0)


def standardize_groups(percent: np.ndarray, groups: np.ndarray, test: np.ndarray, ddof: int = 1) -> None:
    """Standardise each group of trials in place by its own training trials; constant voxels become 0."""
    for group in np.unique(groups):
        inside = groups == group
        mean, std = training_moments(percent[inside & ~test], ddof)
        scaled = (percent[inside] - mean) / np.where(std > 0, std, 1.0)
        percent[inside] = np.where(std > 0, scaled, percent[inside] * 0.0)  # NaN stays NaN


def standardized_rows(
    percent: np.ndarray, adding: Any, test: np.ndarray
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return rows of averaged trials, standardised by the training ones, and mean and std of these.

    A row that was not measured is 0.
    """
    rows = averaged(percent, adding)
    rows[adding @ (~np.isnan(percent)).astype(np.float64) == 0] = np.nan
    mean, std = training_moments(rows[~test])
    standardize_groups(rows, np.zeros(len(rows), np.int64), test)
    return np.where(np.isnan(rows), 0.0, rows), mean, std
