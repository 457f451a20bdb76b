"""Choose: which alpha a whole feature space is predicted with."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

import numpy as np

from storage.schema import Schema, Variable

from .. import ridge
from ..stage import Cost, lazily, stage
from .featurize import FEATURES
from .held_out import HeldOut
from .matrix import Matrix
from .positions import positions
from .spectrum import read_spectrum

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    import xarray as xr

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
    shared, itemsize = _shared_cost(gram, spectrum)
    read = features.sizes["image"] * min(FEATURES, features.sizes["feature"]) * 4
    by_gcv = output.attrs["by"] == "gcv"
    candidates = output.sizes["candidate"]
    flops = ridge.selection_flops(n, t, candidates, gcv=by_gcv, spectral=spectrum is not None)
    return Cost(memory=shared + read + 6 * n * t * itemsize, flops=flops)


def _shared_cost(gram: xr.Dataset | None, spectrum: xr.Dataset | None) -> tuple[int, int]:
    """Return the bytes of matrices held at once, and of one number in them."""
    if spectrum is not None:
        return 2 * spectrum.nbytes, spectrum.eigenvector.dtype.itemsize
    assert gram is not None
    return 5 * gram.gram.nbytes, gram.gram.dtype.itemsize


@stage("regress", version=1, schema=ALPHA, cost=_alpha_cost)
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
    values = _sampled(features, rows, sample)
    score = held.scores(_candidates(values, gram, spectrum, alphas))
    best = alphas[int(np.argmax(score))]
    return {"alpha": np.asarray(best), "tried": np.asarray(alphas), "score": score}


def _candidates(
    values: np.ndarray, gram: xr.Dataset | None, spectrum: xr.Dataset | None, alphas: tuple[float, ...]
) -> ridge.Candidates:
    of_rows = ridge.moments(values)
    if spectrum is not None:
        found = read_spectrum(spectrum)
        return ridge.by_spectrum(found, ridge.centred_targets(values, of_rows, found.precision), alphas)
    assert gram is not None, "alphas are scored by a Gram or by its spectrum"
    lower = gram.gram.values
    return ridge.by_factors(lower, ridge.centred_targets(values, of_rows, ridge.precision_of(lower)), alphas)


def _sampled(features: xr.Dataset, rows: np.ndarray, sample: np.ndarray) -> np.ndarray:
    """Return some features of each training row, float32, one chunk's width read at a time."""
    parts = []
    for left in range(0, features.sizes["feature"], FEATURES):
        inside = sample[(sample >= left) & (sample < left + FEATURES)] - left
        if inside.size:
            parts.append(features.value[:, left : left + FEATURES].values[:, inside][rows])
    return np.concatenate(parts, axis=1).astype(np.float32, copy=False)
