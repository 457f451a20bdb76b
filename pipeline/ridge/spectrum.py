"""The eigenvectors of the centred Gram: one decomposition serves every alpha and every target.

With K = Xc Xc^T = Q diag(w) Q^T, what a ridge leaves of its targets Y, the intercept counted, is
Q diag(alpha / (w + alpha)) Q^T Y: for all alphas from one product Q^T Y.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from pipeline.errors import PipelineError, ShapeError

from .blocks import WIDTH, centred, column_means, recut
from .correction import TILE
from .kernels import kernels_for
from .namespace import Array, Precision, namespace_of, precision_of, row_major
from .penalty import mean_eigenvalue

if TYPE_CHECKING:
    from collections.abc import Iterable


@dataclass(frozen=True)
class Spectrum:
    """Eigenvectors and eigenvalues of K = Xc Xc^T, without the direction of the intercept."""

    vectors: Array
    """(n, r) float32 or float64: orthonormal columns that sum to zero; of eigenvalue 0 they may be zero."""
    values: Array
    """(r,) float64, none below 0."""
    complete: bool
    """Whether the vectors span all directions but the intercept's: r = n - 1, none of them zero."""

    @property
    def precision(self) -> Precision:
        """The vectors' dtype, in which targets are projected."""
        return precision_of(self.vectors)

    @property
    def left_over(self) -> int:
        """Directions of eigenvalue 0 that have no vector."""
        return int(self.vectors.shape[0]) - 1 - int(self.vectors.shape[1])

    def project(self, targets: Array) -> Array:
        """Return Z = Q^T Y (r, t), Y the (n, t) centred targets; 2 n r t operations."""
        return self.vectors.T @ namespace_of(targets).astype(targets, self.vectors.dtype, copy=False)


def dual_spectrum(gram_lower: Array, *, overwrite: bool = False) -> Spectrum:
    """Return the spectrum of K, given by its lower triangle; about 9 n^3 operations.

    Centred rows sum to zero, so the intercept's direction 1 is an eigenvector of eigenvalue 0, mixed with
    others if K has more of those. It is moved below all of them and dropped: n - 1 components remain.

    Parameters
    ----------
    gram_lower : (n, n) float32 or float64
        Above the diagonal nothing is read.
    overwrite : bool
        Whether the matrix may be lost, which saves a copy of it.

    Returns
    -------
    Spectrum

    Raises
    ------
    PipelineError
        If the matrix holds NaN or infinity.
    """
    moved = gram_lower if overwrite else _copy(gram_lower)
    moved -= mean_eigenvalue(gram_lower) / gram_lower.shape[0]
    values, vectors = _eigen(moved)
    return Spectrum(row_major(vectors[:, 1:]), values[1:], complete=True)


def _copy(array: Array) -> Array:
    return namespace_of(array).asarray(array, copy=True)


def _eigen(lower: Array) -> tuple[Array, Array]:
    """Return eigenvalues (float64, ascending, clipped at 0) and eigenvectors; the matrix may be lost."""
    xp = namespace_of(lower)
    if not bool(xp.all(xp.isfinite(xp.linalg.diagonal(lower)))):
        raise PipelineError("The Gram matrix holds NaN or infinity; look for voxels that are not finite.")
    values, vectors = kernels_for(lower).eigh(lower)
    return xp.clip(xp.astype(values, xp.float64), min=0.0), vectors


def primal_spectrum(gram_lower: Array, train_blocks: Iterable[Array], *, overwrite: bool = False) -> Spectrum:
    """Return the spectrum of K by way of G = Xc^T Xc = V diag(w) V^T: its vectors are Xc V / sqrt(w).

    Parameters
    ----------
    gram_lower : (p, p) float32 or float64
        G, its lower triangle.
    train_blocks : iterable of (n, voxel) float32 or float64
        Training rows as they are, consecutive voxels, p in all, in blocks of any width.
    overwrite : bool
        Whether the matrix may be lost, which saves a copy of it.

    Returns
    -------
    Spectrum
        Of p components; those whose eigenvalue is mere rounding are zero.

    Raises
    ------
    PipelineError
        If the matrix holds NaN or infinity.
    ShapeError
        If the blocks do not hold p voxels.
    """
    xp = namespace_of(gram_lower)
    values, vectors = _eigen(gram_lower if overwrite else _copy(gram_lower))
    rounding = values.shape[0] * xp.finfo(gram_lower.dtype).eps * xp.max(values)
    there = values > rounding
    scale = xp.where(there, xp.where(there, values, 1.0 + 0.0 * values) ** -0.5, 0.0 * values)
    vectors *= xp.astype(scale, vectors.dtype)
    spread = _times(train_blocks, vectors)
    return Spectrum(row_major(spread), xp.where(there, values, 0.0 * values), complete=False)


def _times(blocks: Iterable[Array], matrix: Array) -> Array:
    """Return Xc matrix, the rows centred in passing."""
    product, start = None, 0
    for (piece,) in recut(((block,) for block in blocks), WIDTH):
        stop = start + piece.shape[1]
        if stop <= matrix.shape[0]:
            part = centred(piece, column_means(piece), precision_of(matrix)) @ matrix[start:stop, :]
            product = part if product is None else _added(product, part)
        start = stop
    if product is None or start != matrix.shape[0]:
        raise ShapeError(
            f"Training rows of {start} voxels for a Gram matrix of {matrix.shape[0]}; expected as many."
        )
    return product


def _added(total: Array, part: Array) -> Array:
    total += part
    return total


def project_rows(pairs: Iterable[tuple[Array, Array]], spectrum: Spectrum) -> Array:
    """Return test rows against the components, Xt Xc^T Q, voxels streaming past.

    Parameters
    ----------
    pairs : iterable of ((n, voxel), (m, voxel)) float32 or float64
        The same consecutive voxels of the training rows and of the test rows, in blocks of any width.
    spectrum : Spectrum
        Of the training rows.

    Returns
    -------
    (m, r) dtype of the vectors
        Where the cross Gram is at hand, ``cross @ spectrum.vectors`` is the same.
    """
    dtype, product = precision_of(spectrum.vectors), None
    for train, test in recut(pairs, WIDTH):
        means = column_means(train)
        part = centred(test, means, dtype) @ (centred(train, means, dtype).T @ spectrum.vectors)
        product = part if product is None else _added(product, part)
    if product is None:
        raise ShapeError("No voxels found; expected at least one: check the ROI expression.")
    return product


def predict_by_alphas(projected: Array, spectrum: Spectrum, targets: Array, alphas: Array) -> Array:
    """Return predictions of centred targets, each with an alpha of its own, for 2 m r t operations.

    Parameters
    ----------
    projected : (m, r)
        Test rows against the components: ``project_rows``.
    spectrum : Spectrum
        Of the training rows.
    targets : (r, t)
        ``spectrum.project`` of the centred targets.
    alphas : (t,) float64
        A penalty each.

    Returns
    -------
    (m, t) dtype of the vectors
        Less the targets' means.
    """
    xp = namespace_of(targets)
    shape = (projected.shape[0], targets.shape[1])
    predicted = xp.empty(shape, dtype=targets.dtype, device=targets.device)
    for start in range(0, targets.shape[1], TILE):
        tile = slice(start, min(start + TILE, targets.shape[1]))
        penalised = xp.astype(spectrum.values[:, None] + alphas[None, tile], targets.dtype)
        predicted[:, tile] = projected @ (targets[:, tile] / penalised)
    return predicted
