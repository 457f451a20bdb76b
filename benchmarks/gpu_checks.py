"""Every kernel of a device against the same in float64 by plain numpy, on random data."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from benchmarks import gpu_ridges
from pipeline import ridge
from pipeline.ridge.kernels import kernels_for

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from pipeline.ridge.kernels import Kernels

    Check = Callable[[Kernels, "Data"], tuple[Any, np.ndarray]]

ROWS, VOXELS, TARGETS = 2500, 700, 300
"""More rows than a kernel's tile of 2048, so that tiles have borders."""
SMALL = 400
"""Order of the matrices that are factored."""
TOLERANCE = {"float32": 2e-5, "float64": 1e-11}
"""Relative errors: of sums of some hundred terms, at condition numbers of some hundred. TF32 makes 3e-4."""


class Data:
    """Random blocks in one dtype, and a well-conditioned matrix, on the host."""

    def __init__(self, dtype: str) -> None:
        random = np.random.default_rng(0)
        self.dtype: Any = dtype
        self.x = (random.standard_normal((ROWS, VOXELS)) + 3).astype(dtype)
        self.other = random.standard_normal((TARGETS, VOXELS)).astype(dtype)
        self.means = self.x.mean(axis=0, dtype=np.float64)
        square = random.standard_normal((SMALL, 2 * SMALL)).astype(dtype)
        self.matrix = square.astype(np.float64) @ square.T.astype(np.float64)
        self.lower = np.tril(self.matrix).astype(dtype)
        self.matrix = np.tril(self.lower) + np.tril(self.lower, -1).T.astype(np.float64)
        self.rows = random.standard_normal((TARGETS, SMALL)).astype(dtype)

    @property
    def factor(self) -> np.ndarray:
        """Return the Cholesky factor of matrix + I, float64."""
        return np.linalg.cholesky(self.matrix + np.eye(SMALL))


def column_sums(kernels: Kernels, data: Data) -> tuple[Any, np.ndarray]:
    """Sum columns."""
    return kernels.column_sums(ridge.put(data.x)), data.x.sum(axis=0, dtype=np.float64)


def difference(kernels: Kernels, data: Data) -> tuple[Any, np.ndarray]:
    """Take column means off."""
    found = kernels.difference(ridge.put(data.x), ridge.put(data.means), data.dtype)
    return found, data.x.astype(np.float64) - data.means


def rank_k_update(kernels: Kernels, data: Data) -> tuple[Any, np.ndarray]:
    """Add a block times itself to a lower triangle, twice."""
    x = ridge.put(data.x)
    found = kernels.accumulator(ROWS, ROWS, x)
    for _ in range(2):
        kernels.rank_k_update(found, x)
    wide = data.x.astype(np.float64)
    return found, np.tril(2 * wide @ wide.T)


def product_update(kernels: Kernels, data: Data) -> tuple[Any, np.ndarray]:
    """Add a product to some columns of an accumulator, twice."""
    x, other = ridge.put(data.x), ridge.put(data.other)
    found = kernels.accumulator(ROWS, TARGETS + 9, x)
    for _ in range(2):
        kernels.product_update(found[:, 9:], x, other)
    product = 2 * data.x.astype(np.float64) @ data.other.T.astype(np.float64)
    return found, np.concatenate([np.zeros((ROWS, 9)), product], axis=1)


def cholesky(kernels: Kernels, data: Data) -> tuple[Any, np.ndarray]:
    """Factor a matrix with a penalty."""
    return kernels.cholesky(ridge.put(data.lower), 1.0), data.factor


def solve_triangular(kernels: Kernels, data: Data) -> tuple[Any, np.ndarray]:
    """Solve by both triangles of a factor."""
    factor = kernels.cholesky(ridge.put(data.lower), 1.0)
    half = kernels.solve_triangular(factor, ridge.put(data.rows), transposed=True)
    found = kernels.solve_triangular(factor, half, transposed=False)
    return found, np.linalg.solve(data.matrix + np.eye(SMALL), data.rows.T.astype(np.float64)).T


def inverse(kernels: Kernels, data: Data) -> tuple[Any, np.ndarray]:
    """Invert a matrix with a penalty."""
    factor = kernels.cholesky(ridge.put(data.lower), 1.0)
    return kernels.inverse(factor), np.linalg.inv(data.matrix + np.eye(SMALL))


def eigh(kernels: Kernels, data: Data) -> tuple[Any, np.ndarray]:
    """Put a matrix together again from its eigenvalues and eigenvectors."""
    values, vectors = map(ridge.host, kernels.eigh(ridge.put(data.lower)))
    wide = vectors.astype(np.float64)
    return (wide * values) @ wide.T, data.matrix


def ridge_regression(_kernels: Kernels, data: Data) -> tuple[Any, np.ndarray]:
    """Predict by Gram, factor, smoother and streamed targets."""
    problem = Problem(data)
    gram, cross = ridge.gram_and_cross([(ridge.put(problem.x), ridge.put(problem.x_test))], data.dtype)
    smoother = ridge.dual_smoother(ridge.factorise(gram, problem.alpha), cross)
    halves = np.array_split(problem.y, 3)
    return ridge.predict_blocks(smoother, ridge.stream(halves)), problem.exact()


def ridge_by_spectrum(_kernels: Kernels, data: Data) -> tuple[Any, np.ndarray]:
    """Predict through eigenvectors, with the one alpha there is."""
    problem = Problem(data)
    gram, cross = ridge.gram_and_cross([(ridge.put(problem.x), ridge.put(problem.x_test))], data.dtype)
    spectrum = ridge.dual_spectrum(gram)
    means = problem.y.mean(axis=0, dtype=np.float64)
    projected = spectrum.project(ridge.put((problem.y - means).astype(data.dtype)))
    alphas = ridge.put(np.full(problem.y.shape[1], problem.alpha))
    found = ridge.predict_by_alphas(cross @ spectrum.vectors, spectrum, projected, alphas)
    return ridge.host(found) + means, problem.exact()


class Problem:
    """A small ridge: fewer rows than voxels."""

    def __init__(self, data: Data) -> None:
        self.x, self.x_test = data.x[:SMALL], data.x[SMALL : SMALL + 100]
        weights = np.random.default_rng(1).standard_normal((VOXELS, 50)) / VOXELS**0.5
        self.y = (self.x @ weights + 2).astype(data.dtype)
        self.alpha = 300.0

    def exact(self) -> np.ndarray:
        """Return the predictions in float64."""
        x, y = self.x.astype(np.float64), self.y.astype(np.float64)
        xc, x_test = x - x.mean(axis=0), self.x_test.astype(np.float64) - x.mean(axis=0)
        dual = np.linalg.solve(xc @ xc.T + self.alpha * np.eye(len(xc)), y - y.mean(axis=0))
        return np.asarray(x_test @ (xc.T @ dual) + y.mean(axis=0))


CHECKS: tuple[Check, ...] = (
    column_sums,
    difference,
    rank_k_update,
    product_update,
    cholesky,
    solve_triangular,
    inverse,
    eigh,
    ridge_regression,
    ridge_by_spectrum,
    *gpu_ridges.CHECKS,
)


def checks(device: ridge.Device) -> Iterator[dict[str, Any]]:
    """Yield what each check finds on a device, in both dtypes."""
    for dtype, tolerance in TOLERANCE.items():
        data = Data(dtype)
        with ridge.use(device):
            kernels = kernels_for(ridge.put(data.rows))
            for check in CHECKS:
                error = _error(check, kernels, data)
                found = {"device": device.name, "kernel": check.__name__, "dtype": dtype}
                yield {**found, "error": error, "tolerance": tolerance, "holds": error <= tolerance}


def _error(check: Check, kernels: Kernels, data: Data) -> float:
    """Return the error relative to what is expected; infinite where it is no number."""
    found, expected = check(kernels, data)
    error = float(np.linalg.norm(ridge.host(found) - expected) / np.linalg.norm(expected))
    return error if np.isfinite(error) else 9e99  # JSON knows no infinity
