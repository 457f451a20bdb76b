"""Choose: which alpha a whole feature space is predicted with."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

import numpy as np

from storage.schema import Schema, Variable

from .. import ridge
from ..stage import Cost, lazily, stage
from .featurize import FEATURES
from .held_out import HeldOut, scoring_memory
from .matrix import Matrix
from .positions import features_at, passing_memory, positions
from .spectrum import read_spectrum

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    import xarray as xr

    from ..ridge.namespace import Array
    from .held_out import By

#: Features that a choice for a whole space is scored on: a seeded sample, all where there are fewer. Scores
#: then have a sampling error of 2 % of the spread between features.
SAMPLE = 3000

ALPHA = Schema(
    {
        "alpha": Variable((), "float64", "1", "chosen ridge penalty", "Not divided by the number of rows."),
        "tried": Variable(("candidate",), "float64", "1", "candidate ridge penalty"),
        "score": Variable(
            ("candidate",),
            "float64",
            "1",
            "its score on held-out training rows",
            "By retrieval: share of other pictures less like a prediction than its own; else share of the "
            "features' variance that held-out predictions explain. The highest is chosen.",
        ),
    }
)


def _alpha_cost(
    output: xr.Dataset,
    responses: xr.Dataset,
    features: xr.Dataset,
    gram: xr.Dataset | None = None,
    spectrum: xr.Dataset | None = None,
) -> Cost:
    n, t = int((responses.split.values == "train").sum()), min(SAMPLE, features.sizes["feature"])
    by, candidates, shared = output.attrs["by"], output.sizes["candidate"], gram or spectrum
    assert shared is not None
    matrix = max(shared.values(), key=lambda array: array.ndim)
    memory = matrix.nbytes + _targets_memory(responses, features, by, matrix, by_factors=spectrum is None)
    flops = ridge.selection_flops(n, t, candidates, gcv=by == "gcv", spectral=spectrum is not None)
    return Cost(memory=memory, flops=flops)


def _targets_memory(
    responses: xr.Dataset, features: xr.Dataset, by: By, matrix: xr.DataArray, *, by_factors: bool
) -> int:
    """Return the bytes of the sampled features and of what their scores take."""
    count, itemsize = features.sizes["feature"], matrix.dtype.itemsize
    n, t = matrix.sizes["row"], min(SAMPLE, count)
    targets, at_work = n * t * itemsize, scoring_memory(responses, by, t, itemsize)
    if by == "retrieval":  # all held-out predictions are put together
        at_work = max(targets + at_work, 3 * targets)
    if by_factors:
        at_work += matrix.nbytes + (targets if by == "gcv" else 0)
    else:
        at_work += targets  # projected
    return max(n * t * 4 + passing_memory(features, min(FEATURES, count)), targets + at_work)


@stage("regress", version=2, schema=ALPHA, cost=_alpha_cost, gpu=True)
def alpha(
    responses: xr.Dataset,
    features: xr.Dataset,
    gram: xr.Dataset | None = None,
    spectrum: xr.Dataset | None = None,
    *,
    candidates: Sequence[float],
    by: By = "gcv",
    seed: int = 0,
) -> xr.Dataset:
    """Return the penalty whose held-out predictions of training rows are best, and every candidate's score.

    Parameters
    ----------
    responses
        For the training rows' pictures and folds.
    features
        The feature space, of which a seeded sample is scored.
    gram, spectrum
        Of the training rows; one of them: a factor an alpha, or one decomposition for all.
    candidates
        Smallest, largest, and how many: evenly spaced in their logarithm.
    by
        "gcv": generalised cross-validation; "loo": exact leave-one-out, a picture's rows together; "kfold":
        the folds of `responses`; "retrieval": identification of a picture among those of its fold.
    seed
        Of the sample of features.

    Raises
    ------
    RecipeError
        If rows of one picture would be scored against each other.
    ShapeError
        If a picture has no features, or there are fewer than two folds.
    """
    matrix = Matrix.of(responses, None, "all")
    held = HeldOut.of(matrix, by)
    sample = ridge.sample_rows(features.sizes["feature"], seed, SAMPLE)
    rows = positions(features, matrix.pictures[0])[matrix.pictures[1]]
    made = lazily(
        ALPHA,
        {"candidate": int(candidates[2])},
        partial(_choose, held, features, gram, spectrum, rows, sample, ridge.grid(*candidates)),
    )
    return made.assign_attrs(by=by, features=len(sample))


def _choose(
    held: HeldOut,
    features: xr.Dataset,
    gram: xr.Dataset | None,
    spectrum: xr.Dataset | None,
    rows: np.ndarray,
    sample: np.ndarray,
    alphas: tuple[float, ...],
    _start: int,
    _stop: int,
) -> Mapping[str, np.ndarray]:
    score = held.scores(_candidates(ridge.put(_sampled(features, rows, sample)), gram, spectrum, alphas))
    best = alphas[int(np.argmax(score))]
    return {"alpha": np.asarray(best), "tried": np.asarray(alphas), "score": score}


def _candidates(
    values: Array, gram: xr.Dataset | None, spectrum: xr.Dataset | None, alphas: tuple[float, ...]
) -> ridge.Candidates:
    of_rows = ridge.moments(values)
    if spectrum is not None:
        found = read_spectrum(spectrum)
        return ridge.by_spectrum(found, ridge.centred_targets(values, of_rows, found.precision), alphas)
    assert gram is not None, "alphas are scored by a Gram or by its spectrum"
    lower = ridge.put(gram.gram.values)
    return ridge.by_factors(lower, ridge.centred_targets(values, of_rows, ridge.precision_of(lower)), alphas)


def _sampled(features: xr.Dataset, rows: np.ndarray, sample: np.ndarray) -> np.ndarray:
    """Return some features of each training row, float32, one chunk's width read at a time."""
    found, count = np.empty((len(rows), len(sample)), np.float32), features.sizes["feature"]
    for start in range(0, count, FEATURES):
        stop = min(start + FEATURES, count)
        inside = slice(*np.searchsorted(sample, (start, stop)))
        if inside.start < inside.stop:
            found[:, inside] = features_at(features, rows, start, stop, sample[inside] - start)
    return found
