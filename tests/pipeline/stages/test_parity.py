"""Every way to an alpha, with every correction, down each way through the ridge: against refits by numpy.

What a run leaves in its archive is compared with a few lines that know nothing of Grams, spectra, smoothers
or leverages; the alphas are also those of scikit-learn and himalaya.
"""

from __future__ import annotations

from itertools import product

import numpy as np
import pytest
from himalaya.kernel_ridge import KernelRidgeCV
from sklearn.linear_model import RidgeCV
from sklearn.model_selection import PredefinedSplit

from cluster import Threads
from pipeline import run

GIVEN = 45.0
FROM, TO, COUNT = 1.0, 1e4, 9
ALPHAS = FROM * (TO / FROM) ** (np.arange(COUNT) / (COUNT - 1))
WAYS = {
    "dual": {"voxels": 70, "train": 40, "test": 12},
    "primal": {"voxels": 25, "train": 60, "test": 12},
    "left": {"voxels": 12, "train": 60, "test": 50},
}
CHOICES = [
    ("given", "space"),
    *product(("gcv", "loo", "kfold", "retrieval"), ("space",)),
    *product(("gcv", "loo", "kfold"), ("feature",)),
]
CASES = list(product(CHOICES, ("none", "stored", "test-batch")))


def name_of(case) -> str:
    (by, per), correction = case
    return f"{by}-{per}-{correction}"


def table(case):
    (by, per), correction = case
    chosen = {"from": FROM, "to": TO, "count": COUNT, "by": by, "per": per}
    return {"alpha": GIVEN if by == "given" else chosen, "correction": correction}


@pytest.fixture(params=WAYS)
def made(make_recipe, request):
    """Return the products of one run of all cases, each a feature space of its own."""
    sizes = WAYS[request.param]
    changes = {
        "features": {
            "pixels": None,
            "pca": None,
            **{name_of(one): {"model": "pixels", "size": 4} for one in CASES},
        },
        "ridge": {"spaces": {"pixels": None, "pca": None, **{name_of(one): table(one) for one in CASES}}},
        "images": None,
        "scores": None,
    }
    recipe = make_recipe(changes, noise=2.0, **sizes)
    planned = run(recipe, cluster=Threads(workers=2)).plan
    found = {step.product: step.in_archive(planned.archive).open().load() for step in planned}
    smoother = found[f"smoother/{name_of(CASES[0])}"]
    assert ("left" in smoother) == (request.param == "left")
    assert ("voxel" in found["gram/all"].dims) == (request.param != "dual")
    return found


# --- plain numpy ----------------------------------------------------------------------------------


def ridge(x, y, x_test, alpha):
    """Return predictions of (m, t) by one alpha, or one a target, with an intercept."""
    centred, alphas = x - x.mean(axis=0), np.broadcast_to(alpha, y.shape[1])
    found = np.empty((len(x_test), y.shape[1]))
    for one in np.unique(alphas):
        own = alphas == one
        square = centred.T @ centred + one * np.eye(x.shape[1])
        weights = np.linalg.solve(square, centred.T @ (y[:, own] - y[:, own].mean(axis=0)))
        found[:, own] = (x_test - x.mean(axis=0)) @ weights + y[:, own].mean(axis=0)
    return found


def unseen(x, y, alpha, labels):
    """Return predictions of each row by ridges fitted without the rows of its label."""
    found = np.empty_like(y)
    for label in np.unique(labels):
        out = labels == label
        found[out] = ridge(x[~out], y[~out], x[out], alpha)
    return found


def gcv(x, y, alpha):
    n, centred = len(x), x - x.mean(axis=0)
    hat = centred @ np.linalg.solve(centred.T @ centred + alpha * np.eye(x.shape[1]), centred.T) + 1 / n
    return ((y - hat @ y) ** 2).mean(axis=0) / (1 - np.trace(hat) / n) ** 2


def identified(predicted, y, fold):
    """Return how often a row's prediction is more like its own features than like others of its fold."""
    predicted, y, shares = predicted - predicted.mean(axis=0), y - y.mean(axis=0), []
    alike = np.corrcoef(predicted, y)[: len(y), len(y) :]
    for row in range(len(y)):
        others = (fold == fold[row]) & (np.arange(len(y)) != row)
        shares.append((alike[row, others] < alike[row, row]).mean())
    return np.mean(shares)


def best_alphas(x, y, fold, by, per):
    """Return the candidate that is best, for all targets or for each."""
    labels = fold if by == "kfold" else np.arange(len(x))
    if by == "retrieval":
        return ALPHAS[np.argmax([identified(unseen(x, y, alpha, fold), y, fold) for alpha in ALPHAS])]
    if by == "gcv":
        errors = np.array([gcv(x, y, alpha) for alpha in ALPHAS])
    else:
        errors = np.array([((unseen(x, y, alpha, labels) - y) ** 2).mean(axis=0) for alpha in ALPHAS])
    return ALPHAS[errors.argmin(axis=0) if per == "feature" else errors.sum(axis=1).argmin()]


def corrected(x, y, x_test, alpha, correction):
    raw = ridge(x, y, x_test, alpha)
    if correction == "none":
        return raw
    source = raw if correction == "test-batch" else unseen(x, y, alpha, np.arange(len(x)))
    return (raw - source.mean(axis=0)) / source.std(axis=0) * y.std(axis=0) + y.mean(axis=0)


# --- the test -------------------------------------------------------------------------------------


def test_all_alphas_and_corrections_are_those_of_refits(made):
    responses, features = made["responses"], made[f"features/{name_of(CASES[0])}"]
    place = {name: at for at, name in enumerate(features.image_id.values)}
    rows = responses.response.values.astype(float)
    targets = features.value.values.astype(float)[[place[name] for name in responses.image_id.values]]
    training = responses.split.values == "train"
    x, x_test, y, y_test = rows[training], rows[~training], targets[training], targets[~training]
    fold = responses.fold.values[training]
    varied = set()
    for (by, per), correction in CASES:
        case = name_of(((by, per), correction))
        found = made[f"predictions/{case}"]
        alpha = GIVEN if by == "given" else best_alphas(x, y, fold, by, per)
        np.testing.assert_allclose(
            found.alpha.values, np.broadcast_to(alpha, y.shape[1]), rtol=1e-9, err_msg=case
        )
        if by in ("loo", "kfold"):
            np.testing.assert_allclose(alpha, of_others(x, y, fold, by, per), rtol=1e-9, err_msg=case)
        expected = corrected(x, y, x_test, alpha, correction)
        off = np.linalg.norm(found.predicted.values - expected) / np.linalg.norm(
            expected - expected.mean(axis=0)
        )
        # float32 predictions whose shrinking is undone have their rounding enlarged with them
        assert off < (1e-5 if correction == "none" else 5e-5), case
        r = [np.corrcoef(a, b)[0, 1] for a, b in zip(expected.T, y_test.T, strict=True)]
        np.testing.assert_allclose(found.r.values, r, atol=2e-5, err_msg=case)
        varied.update(np.unique(found.alpha.values).tolist())
    assert len(varied) > 3


def of_others(x, y, fold, by, per):
    """Return what scikit-learn's RidgeCV (leave-one-out) or himalaya's KernelRidgeCV (folds) chooses."""
    if by == "loo":
        return RidgeCV(ALPHAS, alpha_per_target=per == "feature").fit(x, y).alpha_
    split, params = PredefinedSplit(fold), {"local_alpha": per == "feature"}
    model = KernelRidgeCV(ALPHAS, fit_intercept=True, cv=split, warn=False, solver_params=params)
    model.fit(x, y)
    return model.best_alphas_ if per == "feature" else model.best_alphas_[0]
