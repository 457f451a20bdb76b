"""Whole ways through the ridge on a device, as the stages take them, against plain numpy in float64."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from pipeline import ridge

if TYPE_CHECKING:
    from collections.abc import Iterator

    from pipeline.ridge.kernels import Kernels

ROWS, TEST, VOXELS, FEW, TARGETS = 210, 60, 500, 90, 40
ALPHAS = (100.0, 300.0, 2000.0)


class Problem:
    """A small ridge in one dtype: rows of pictures that are shown again, in folds; voxels, many or few."""

    def __init__(self, dtype: Any, *, few: bool = False) -> None:
        random = np.random.default_rng(1)
        self.dtype = dtype
        rows = random.standard_normal((ROWS + TEST, FEW if few else VOXELS)) + 3
        self.x, self.x_test = np.split(rows.astype(dtype), [ROWS])
        noise = random.standard_normal((ROWS, TARGETS))
        weights = random.standard_normal((rows.shape[1], TARGETS)) / rows.shape[1] ** 0.5
        self.y = (self.x @ weights + noise + 2).astype(dtype)
        self.fold = np.arange(ROWS) * 7 % 5
        self.picture = np.arange(ROWS) // 3

    def exact(self, alpha: Any, out: Any = None, at: Any = None) -> np.ndarray:
        """Return float64 predictions of test rows, or of those `at`, by a ridge without the rows `out`."""
        kept = np.ones(ROWS, bool) if out is None else ~out
        x, y = self.x[kept].astype(np.float64), self.y[kept].astype(np.float64)
        rows = (self.x_test if at is None else self.x[at]).astype(np.float64)
        xc, found = x - x.mean(axis=0), np.empty((len(rows), TARGETS))
        alphas = np.broadcast_to(alpha, TARGETS)
        for one in np.unique(alphas):
            dual = np.linalg.solve(xc @ xc.T + one * np.eye(len(xc)), (y - y.mean(axis=0))[:, alphas == one])
            found[:, alphas == one] = (rows - x.mean(axis=0)) @ (xc.T @ dual)
        return found + y.mean(axis=0)

    def unseen(self, alpha: float, labels: np.ndarray, rows: Any = None) -> np.ndarray:
        """Return float64 predictions of some training rows, default all, each without those of its label."""
        rows = np.arange(ROWS) if rows is None else rows
        found = np.empty((len(rows), TARGETS))
        for label in np.unique(labels[rows]):
            own = labels[rows] == label
            found[own] = self.exact(alpha, labels == label, rows[own])
        return found

    @property
    def gram(self) -> Any:
        """Return the Gram of rows, on the device in use."""
        return ridge.gram_band([ridge.put(self.x)], 0, ROWS, self.dtype)

    @property
    def of_rows(self) -> ridge.Moments:
        """Return the targets' moments, on the device in use."""
        return ridge.moments(ridge.put(self.y))

    def candidates(self, by: str) -> Any:
        """Return the residuals at all alphas, by one spectrum or by a factor each."""
        targets = ridge.centred_targets(ridge.put(self.y), self.of_rows, self.dtype)
        if by == "factor":
            return ridge.by_factors(self.gram, targets, ALPHAS)
        return ridge.by_spectrum(ridge.dual_spectrum(self.gram), targets, ALPHAS)


def bands(_kernels: Kernels, data: Any) -> tuple[Any, np.ndarray]:
    """Form a Gram in two bands, and rows of it, whole."""
    problem = Problem(data.dtype)
    blocks = [ridge.put(part) for part in np.array_split(problem.x, 3, axis=1)]
    parts = [ridge.host(ridge.gram_band(blocks, *span, data.dtype)) for span in ((0, 130), (130, ROWS))]
    lower = np.concatenate(parts)
    found = ridge.gram_rows(ridge.put(lower), np.arange(ROWS)[::7])
    x = problem.x.astype(np.float64) - problem.x.astype(np.float64).mean(axis=0)
    return np.concatenate([lower, ridge.host(found)]), np.concatenate([np.tril(x @ x.T), (x @ x.T)[::7]])


def ridge_in_the_primal(_kernels: Kernels, data: Any) -> tuple[Any, np.ndarray]:
    """Predict through the Gram of voxels, by a smoother and by what stands left of the targets."""
    problem = Problem(data.dtype, few=True)
    x, y = ridge.put(problem.x), ridge.put(problem.y)
    factor = ridge.factorise(ridge.primal_gram_band(x, [], FEW, data.dtype), ALPHAS[0])
    means = ridge.column_means(x)
    tested = ridge.centred(ridge.put(problem.x_test), means, data.dtype)
    smoother = ridge.primal_smoother(factor, tested, [x])
    left = ridge.primal_left(factor, ridge.centred(x, means, data.dtype))
    by_left = ridge.predict_left(left, tested, y, problem.of_rows.mean)
    found = [ridge.host(each) for each in (ridge.predict(smoother, y), by_left)]
    return np.concatenate(found), np.concatenate([problem.exact(ALPHAS[0])] * 2)


def an_alpha_a_target(_kernels: Kernels, data: Any) -> tuple[Any, np.ndarray]:
    """Predict with different alphas through the spectra of both Grams."""
    alphas = np.geomspace(50, 5000, TARGETS)
    return _stacked(_by_spectra(data.dtype, few=few, alphas=alphas) for few in (False, True))


def _by_spectra(dtype: Any, *, few: bool, alphas: np.ndarray) -> tuple[Any, np.ndarray]:
    problem = Problem(dtype, few=few)
    x, x_test = ridge.put(problem.x), ridge.put(problem.x_test)
    spectrum = (
        ridge.primal_spectrum(ridge.primal_gram_band(x, [], FEW, dtype), [x])
        if few
        else ridge.dual_spectrum(problem.gram)
    )
    projected = spectrum.project(ridge.centred_targets(ridge.put(problem.y), problem.of_rows, dtype))
    rows = ridge.project_rows([(x, x_test)], spectrum)
    found = ridge.predict_by_alphas(rows, spectrum, projected, ridge.put(alphas))
    return ridge.host(found) + ridge.host(problem.of_rows.mean), problem.exact(alphas)


def alphas_by_gcv(_kernels: Kernels, data: Any) -> tuple[Any, np.ndarray]:
    """Score alphas by generalised cross-validation, by a spectrum and by factors."""
    problem = Problem(data.dtype)
    x, expected = problem.x.astype(np.float64) - problem.x.astype(np.float64).mean(axis=0), []
    for alpha in ALPHAS:
        hat = x @ x.T @ np.linalg.inv(x @ x.T + alpha * np.eye(ROWS)) + 1 / ROWS
        left = ((problem.y - hat @ problem.y.astype(np.float64)) ** 2).mean(axis=0)
        expected.append(left / (1 - np.trace(hat) / ROWS) ** 2)
    found = [ridge.host(ridge.gcv_errors(problem.candidates(by)).values) for by in ("spectrum", "factor")]
    return np.concatenate(found), np.concatenate([expected] * 2)


def alphas_by_rows_left_out(_kernels: Kernels, data: Any) -> tuple[Any, np.ndarray]:
    """Score alphas on folds, pictures and single rows left out, by a spectrum and by factors."""
    problem = Problem(data.dtype)
    return _stacked(
        (
            ridge.host(ridge.held_out_errors(problem.candidates(by), ridge.Groups.of(labels)).values),
            np.stack([((problem.unseen(alpha, labels) - problem.y) ** 2).mean(axis=0) for alpha in ALPHAS]),
        )
        for by in ("spectrum", "factor")
        for labels in (problem.fold, problem.picture)
    )


def rows_left_out_at_their_best(_kernels: Kernels, data: Any) -> tuple[Any, np.ndarray]:
    """Leave rows out, each target at its own alpha."""
    problem = Problem(data.dtype)
    best = np.arange(TARGETS) % len(ALPHAS)
    each, sample = np.arange(ROWS), np.arange(0, ROWS, 9)
    groups = ridge.Groups.of(each, sample)
    found = ridge.held_out_by_best(problem.candidates("spectrum"), ridge.put(best), groups)
    exact = [problem.unseen(alpha, each, sample) for alpha in ALPHAS]
    return found, problem.y[sample] - np.choose(best, exact)


def alphas_by_retrieval(_kernels: Kernels, data: Any) -> tuple[Any, np.ndarray]:
    """Score alphas by how well held-out predictions tell their picture."""
    problem = Problem(data.dtype)
    pictures = np.arange(ROWS)
    found = ridge.identifications(problem.candidates("spectrum"), ridge.Groups.of(problem.fold), pictures)
    y = problem.y - problem.y.astype(np.float64).mean(axis=0)
    expected = [_identified(problem.unseen(alpha, problem.fold), y, problem.fold) for alpha in ALPHAS]
    return found, np.array(expected)


def _identified(predicted: np.ndarray, y: np.ndarray, fold: np.ndarray) -> float:
    alike = np.corrcoef(predicted - predicted.mean(axis=0), y)[: len(y), len(y) :]
    same = fold[:, None] == fold
    worse = (alike < np.diagonal(alike)[:, None]) & same
    return float((worse.sum(axis=1) / (same.sum(axis=1) - 1)).mean())


def pictures_left_out(_kernels: Kernels, data: Any) -> tuple[Any, np.ndarray]:
    """Predict training rows by ridges that saw no row of their picture, columns of a picture summed."""
    problem = Problem(data.dtype)
    sample = np.arange(0, ROWS, 11)
    rows, pictures = ridge.partners(sample, problem.picture), ROWS // 3
    problem.y = problem.y[problem.picture]  # rows of a picture have its targets
    gram = problem.gram
    hat = ridge.dual_smoother(ridge.factorise(gram, ALPHAS[0]), ridge.gram_rows(gram, rows))
    left = ridge.leave_out(hat, rows, problem.picture, sample)
    merged = ridge.merge_columns(left, problem.picture, pictures)
    return (
        ridge.predict(merged, ridge.put(problem.y[::3])),
        problem.unseen(ALPHAS[0], problem.picture, sample),
    )


def weights(_kernels: Kernels, data: Any) -> tuple[Any, np.ndarray]:
    """Make weights through the inverse of a Gram."""
    problem = Problem(data.dtype)
    x, of_rows = ridge.put(problem.x), problem.of_rows
    inverse = ridge.factorise(problem.gram, ALPHAS[0], overwrite=True).inverse()
    centred = ridge.centred(x, ridge.column_means(x), data.dtype)
    found = centred.T @ (inverse @ ridge.centred(ridge.put(problem.y), of_rows.mean, data.dtype))
    shift = problem.x_test.astype(np.float64) - problem.x.astype(np.float64).mean(axis=0)
    return shift @ ridge.host(found) + ridge.host(of_rows.mean), problem.exact(ALPHAS[0])


def corrections(_kernels: Kernels, data: Any) -> tuple[Any, np.ndarray]:
    """Give predictions the targets' moments, and score them."""
    problem = Problem(data.dtype)
    true, said = problem.y[:TEST], problem.y[TEST : 2 * TEST]
    shown = np.arange(TEST) // 2
    predicted = ridge.put(said)
    made = ridge.restandardize(predicted, ridge.batch_moments(predicted), problem.of_rows)
    agreed = ridge.scores(made, ridge.put(true))
    found = [ridge.host(made), ridge.host(agreed.r)[None], ridge.host(agreed.r2)[None]]
    found.append(ridge.host(ridge.ceiling(made, shown))[None])
    said, true, y = (each.astype(np.float64) for each in (said, true, problem.y))
    exact = (said - said.mean(axis=0)) / said.std(axis=0) * y.std(axis=0) + y.mean(axis=0)
    r = [np.corrcoef(a, b)[0, 1] for a, b in zip(exact.T, true.T, strict=True)]
    r2 = 1 - ((exact - true) ** 2).mean(axis=0) / true.var(axis=0)
    return np.concatenate(found), np.concatenate([exact, [r], [r2], _ceiling(exact)[None]])


def _ceiling(values: np.ndarray) -> np.ndarray:
    """Return what noise leaves of r, from pairs of rows: the intraclass correlation's root."""
    pairs = values.reshape(len(values) // 2, 2, -1)
    means = pairs.mean(axis=1)
    within = ((pairs - means[:, None]) ** 2).sum(axis=(0, 1)) / len(pairs)
    between = 2 * ((means - values.mean(axis=0)) ** 2).sum(axis=0) / (len(pairs) - 1)
    signal = np.clip((between - within) / 2, 0, None)
    return np.asarray(np.sqrt(signal / (signal + within)))


def largest_eigenvalue(_kernels: Kernels, data: Any) -> tuple[Any, np.ndarray]:
    """Find the largest eigenvalue by subspace iteration: exactly, in data of few dimensions."""
    random = np.random.default_rng(2)
    x = (random.standard_normal((ROWS, 5)) @ random.standard_normal((5, VOXELS)) + 3).astype(data.dtype)
    centred = x.astype(np.float64) - x.astype(np.float64).mean(axis=0)
    found = ridge.largest_eigenvalue(lambda: [ridge.put(x)])
    return np.array([found]), np.linalg.norm(centred, 2)[None] ** 2


def _stacked(pairs: Iterator[tuple[Any, np.ndarray]]) -> tuple[np.ndarray, np.ndarray]:
    found, expected = zip(*pairs, strict=True)
    return np.concatenate(found), np.concatenate(expected)


CHECKS = (
    bands,
    ridge_in_the_primal,
    an_alpha_a_target,
    alphas_by_gcv,
    alphas_by_rows_left_out,
    rows_left_out_at_their_best,
    alphas_by_retrieval,
    pictures_left_out,
    weights,
    corrections,
    largest_eigenvalue,
)
