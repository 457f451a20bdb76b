"""What a subject answered to "have you seen this picture before?": responses.tsv."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from .design import Experiment

    Floats = NDArray[np.float64]

CORRECT, ANSWERED, WAVERED = 0.85, 0.97, 0.02
"""How often a subject is right, presses a button at all, and presses both."""
WEEK, TRIAL, BREAK = 7.0, 4 / 86400, 300 / 86400
"""Time between sessions, trials and runs in days."""
UNKNOWN = ("ISCORRECT", "RT", "CHANGEMIND", "ISCORRECTCURRENT", "TOTAL1", "TOTAL2", "BUTTON")
"""What needs a button."""


def responses_bytes(experiment: Experiment, subject: int, rng: np.random.Generator) -> bytes:
    """Return one row a trial: ids counted from 1, NaN where no button was pressed.

    Answers of one run of the last session are lost, as happened twice in NSD.

    Parameters
    ----------
    experiment : Experiment
        What was shown.
    subject : int
        Whose answers, counted from 0.
    rng : numpy.random.Generator
        Where chance comes from.
    """
    known = _known(experiment, subject)
    answers = _answers(known, rng)
    lost = (known["SESSION"] == experiment.sessions) & (known["RUN"] == min(3, len(experiment.runs())))
    for name in UNKNOWN:
        answers[name][lost] = np.nan
    columns = {**known, **answers, "MISSINGDATA": lost.astype(float)}
    order = (
        *("SUBJECT", "SESSION", "RUN", "TRIAL", "73KID", "10KID", "TIME", "ISOLD", "ISCORRECT", "RT"),
        *("CHANGEMIND", "MEMORYRECENT", "MEMORYFIRST", "ISOLDCURRENT", "ISCORRECTCURRENT"),
        *("TOTAL1", "TOTAL2", "BUTTON", "MISSINGDATA"),
    )
    rows = zip(*(columns[name].tolist() for name in order), strict=True)
    lines = ["\t".join(order), *("\t".join(map(_text, row)) for row in rows)]
    return ("\n".join(lines) + "\n").encode()


def _text(value: float) -> str:
    """Write a number as MATLAB does: whole ones without a point."""
    if np.isnan(value):
        return "NaN"
    return str(int(value)) if value == int(value) else repr(value)


def _known(experiment: Experiment, subject: int) -> dict[str, Floats]:
    """Return the columns that follow from the design."""
    runs = experiment.runs()
    run = np.tile(np.repeat(np.arange(len(runs)), runs), experiment.sessions)
    within = np.tile(np.concatenate([np.arange(count) for count in runs]), experiment.sessions)
    session = np.repeat(np.arange(experiment.sessions), experiment.trials)
    clock = (
        0.5
        + session * WEEK
        + run * BREAK
        + np.tile(np.arange(experiment.trials), experiment.sessions) * TRIAL
    )
    first, recent = _memory(experiment.ordering)
    old = ~np.isnan(recent)
    columns = {
        "SUBJECT": np.full(len(run), subject + 1),
        "SESSION": session + 1,
        "RUN": run + 1,
        "TRIAL": within + 1,
        "73KID": experiment.shown(subject) + 1,
        "10KID": experiment.ordering,
        "TIME": clock,
        "ISOLD": old,
        "MEMORYRECENT": recent,
        "MEMORYFIRST": first,
        "ISOLDCURRENT": old & (recent < np.arange(len(run)) % experiment.trials),
    }
    return {name: np.asarray(column, np.float64) for name, column in columns.items()}


def _memory(ordering: NDArray[np.int64]) -> tuple[Floats, Floats]:
    """Return how many trials passed since a picture was first shown, and last shown; NaN for a new one."""
    seen: dict[int, tuple[int, int]] = {}
    passed = np.full((len(ordering), 2), np.nan)
    for trial, entry in enumerate(ordering.tolist()):
        if entry in seen:
            passed[trial] = trial - np.array(seen[entry]) - 1
        seen[entry] = seen.get(entry, (trial, trial))[0], trial
    return passed[:, 0], passed[:, 1]


def _answers(known: dict[str, Floats], rng: np.random.Generator) -> dict[str, Floats]:
    """Return the columns that follow from buttons: 1 = "new", 2 = "old"."""
    count = len(known["ISOLD"])
    correct = rng.random(count) < CORRECT
    button = 1 + np.where(correct, known["ISOLD"], 1 - known["ISOLD"])
    wavered = rng.random(count) < WAVERED
    columns = {
        "ISCORRECT": correct,
        "RT": 600 + rng.gamma(4, 100, count),
        "CHANGEMIND": wavered,
        "ISCORRECTCURRENT": button == 1 + known["ISOLDCURRENT"],
        "BUTTON": button,
    }
    silent = rng.random(count) >= ANSWERED
    answers = {name: np.where(silent, np.nan, column) for name, column in columns.items()}
    pressed = {f"TOTAL{which}": ((button == which) | wavered) & ~silent for which in (1, 2)}
    return answers | {name: column.astype(np.float64) for name, column in pressed.items()}
