"""Rows: which trials the ridge sees as one."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

import numpy as np

from ..errors import ShapeError

if TYPE_CHECKING:
    import xarray as xr

Average = Literal["all", "test", "none"]


@dataclass(frozen=True)
class Rows:
    """Which trials make which row; training rows first, each part in order of first appearance."""

    of_trial: np.ndarray
    """(trial) int64: the row a trial is averaged into; -1 for one that is not used."""
    image_id: np.ndarray
    """(row) str."""
    test: np.ndarray
    """(row) bool."""
    repeat: np.ndarray
    """(row) int16: the showing, -1 for a mean."""
    session: np.ndarray
    """(row) int16: the session, -1 for a mean over several."""

    @property
    def first(self) -> np.ndarray:
        """(row) int64: the first trial of each row."""
        row, trial = np.unique(self.of_trial, return_index=True)
        return np.asarray(trial[row >= 0])

    @property
    def count(self) -> int:
        """Number of rows."""
        return len(self.image_id)


def arrange(trials: xr.Dataset, average_repeats: Average) -> Rows:
    """Decide which trials are averaged into which row.

    Parameters
    ----------
    trials
        Product `trials`.
    average_repeats
        "all": one row a picture; "test": training rows are single trials; "none": so are test rows.

    Raises
    ------
    ShapeError
        If there are no training trials, no test trials, or a picture is both.
    """
    test = trials.test.values.astype(bool)
    image_id = trials.image_id.values.astype(object)
    used = used_trials(trials)
    _check_split(test[used], image_id[used])
    averaged = {"all": np.ones_like(test), "test": test, "none": np.zeros_like(test)}[average_repeats]
    keys = [
        (bool(held), name, -1 if mean else at)
        for at, (held, name, mean) in enumerate(zip(test, image_id, averaged, strict=True))
    ]
    distinct = dict.fromkeys(key for key, counts in zip(keys, used, strict=True) if counts)
    ordered = sorted(distinct, key=lambda key: key[0])  # stable: first appearance within a part
    row = {key: at for at, key in enumerate(ordered)}
    of_trial = np.array([row[key] if counts else -1 for key, counts in zip(keys, used, strict=True)])
    return Rows(
        of_trial,
        np.array([name for _, name, _ in ordered], dtype=object),
        np.array([held for held, _, _ in ordered]),
        _single(trials.repeat.values[used], of_trial[used], averaged[used]),
        _common(trials.session.values[used], of_trial[used]),
    )


def used_trials(trials: xr.Dataset) -> np.ndarray:
    """Return (trial) bool: the trial is trained on or tested; all are where product `trials` does not say."""
    if "used" not in trials:
        return np.ones(trials.sizes["trial"], bool)
    return np.asarray(trials.used.values.astype(bool))


def training_trials(trials: xr.Dataset) -> np.ndarray:
    """Return (trial) bool: the trial is trained on."""
    return np.asarray(used_trials(trials) & ~trials.test.values.astype(bool))


def _check_split(test: np.ndarray, image_id: np.ndarray) -> None:
    if test.all() or not test.any():
        part = "training" if test.all() else "test"
        raise ShapeError(f"the data have no {part} trials; both are needed")
    both = sorted(set(image_id[test]) & set(image_id[~test]))
    if both:
        raise ShapeError(
            f"picture {both[0]} is shown in training and in test trials; a picture belongs to one of them"
        )


def _single(repeat: np.ndarray, of_trial: np.ndarray, averaged: np.ndarray) -> np.ndarray:
    found = np.full(of_trial.max() + 1, -1, np.int16)
    found[of_trial[~averaged]] = repeat[~averaged]
    return found


def _common(session: np.ndarray, of_trial: np.ndarray) -> np.ndarray:
    count = of_trial.max() + 1
    first, last = np.full(count, np.iinfo(np.int16).max, np.int16), np.zeros(count, np.int16)
    np.minimum.at(first, of_trial, session)
    np.maximum.at(last, of_trial, session)
    return np.where(first == last, first, np.int16(-1))


def folds_of(image_id: np.ndarray, test: np.ndarray, folds: int, seed: int) -> np.ndarray:
    """Return the fold of each row: a picture's rows share one, test rows have -1."""
    distinct = list(dict.fromkeys(image_id[~test]))
    order = np.random.default_rng(seed).permutation(len(distinct))
    fold = {name: int(place % folds) for name, place in zip(distinct, order, strict=True)}
    return np.array([-1 if held else fold[name] for name, held in zip(image_id, test, strict=True)], np.int16)
