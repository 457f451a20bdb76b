"""The files that say what was shown: nsd_expdesign.mat and nsd_stim_info_merged.csv."""

from __future__ import annotations

import csv
import io
from typing import TYPE_CHECKING, Any

import numpy as np

from ..brain import SHOWINGS

if TYPE_CHECKING:
    from collections.abc import Iterator

    from numpy.typing import NDArray

    from .design import Experiment

MAT_TEXT = b"MATLAB 5.0 MAT-file, simulated data written by vox2pix"
"""What a .mat file says of itself in its first 116 bytes, in which scipy would write the time."""
MAT_TEXT_WIDTH = 116
BLANKS = (3, 4, 5)
"""Slots of a run that show nothing: at its beginning, at its end, and somewhere between."""


def expdesign_bytes(experiment: Experiment, rng: np.random.Generator) -> bytes:
    """Return the design as MATLAB's double matrices, every index in them counted from 1."""
    from scipy.io import savemat

    matrices = {
        "masterordering": experiment.ordering[None],
        "subjectim": experiment.subjectim,
        "sharedix": experiment.shared_ids[None],
        "basiccnt": _showings_within_sessions(experiment),
        "stimpattern": _stimulus_pattern(experiment, rng),
    }
    file = io.BytesIO()
    savemat(file, {name: matrix.astype(np.float64) for name, matrix in matrices.items()})
    return MAT_TEXT.ljust(MAT_TEXT_WIDTH) + file.getvalue()[MAT_TEXT_WIDTH:]


def _showings_within_sessions(experiment: Experiment) -> NDArray[np.int64]:
    """Return (times, session): how many pictures were shown once, twice, three times in a session."""
    ordering = experiment.ordering.reshape(experiment.sessions, -1)
    times = [np.bincount(np.unique(session, return_counts=True)[1], minlength=4) for session in ordering]
    return np.stack(times, axis=1)[1 : SHOWINGS + 1]


def _stimulus_pattern(experiment: Experiment, rng: np.random.Generator) -> NDArray[np.int64]:
    """Return (session, run, slot): 1 where a picture was shown, 0 where nothing was."""
    runs = experiment.runs()
    slots = runs.max() + sum(BLANKS)
    first, last, _ = BLANKS
    pattern = np.zeros((experiment.sessions, len(runs), slots), np.int64)
    for session in pattern:
        for run, trials in zip(session, runs, strict=True):
            run[first + rng.choice(slots - first - last, trials, replace=False)] = 1
    return pattern


def stim_info_bytes(experiment: Experiment, rng: np.random.Generator) -> bytes:
    """Return the table of all pictures, shown or not: a row each, its first column without a name."""
    subjects = range(1, len(experiment.subjectim) + 1)
    repeats = [f"subject{subject}_rep{repeat}" for subject in subjects for repeat in range(SHOWINGS)]
    file = io.StringIO()
    table = csv.writer(file, lineterminator="\n")
    table.writerow(
        ["", "cocoId", "cocoSplit", "cropBox", "loss", "nsdId", "flagged", "BOLD5000", "shared1000"]
        + [f"subject{subject}" for subject in subjects]
        + repeats
    )
    table.writerows(_stim_info_rows(experiment, rng))
    return file.getvalue().encode()


def _stim_info_rows(experiment: Experiment, rng: np.random.Generator) -> Iterator[list[Any]]:
    shared = np.isin(np.arange(experiment.rows) + 1, experiment.shared_ids)
    coco = np.sort(rng.choice(20 * experiment.rows, experiment.rows, replace=False)) + 1
    rng.shuffle(coco)
    when = np.stack([_when(experiment, subject) for subject in range(len(experiment.subjectim))], axis=1)
    for number in range(experiment.rows):
        share = round(float(rng.uniform(0, 0.25)), 6)
        crop = (0, 0, share, share) if rng.random() < 0.7 else (share, share, 0, 0)
        split = "val2017" if rng.random() < 0.05 else "train2017"
        yield [
            *(number, coco[number], split, crop, share, number, False, False, bool(shared[number])),
            *(when[number, :, 0] > 0).astype(int),
            *when[number].ravel(),
        ]


def _when(experiment: Experiment, subject: int) -> NDArray[np.int64]:
    """Return (picture, repeat): the trial over all sessions, from 1, that showed it; 0 = never."""
    when = np.zeros((experiment.rows, SHOWINGS), np.int64)
    times = np.zeros(experiment.rows, np.int64)
    for trial, picture in enumerate(experiment.shown(subject).tolist(), start=1):
        when[picture, times[picture]] = trial
        times[picture] += 1
    return when
