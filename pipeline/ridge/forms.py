"""Which form of the ridge is cheapest, by counting floating point operations."""

from __future__ import annotations

from typing import Literal

Form = Literal["dual", "primal"]
PrimalForm = Literal["smoother", "left"]


def choose_form(n: int, p: int) -> Form:
    """Return "dual" where there are no more training rows than voxels (n <= p), else "primal"."""
    return "dual" if n <= p else "primal"


def choose_primal_form(n: int, p: int, m: int, t: int) -> PrimalForm:
    """Return the cheaper way through the primal.

    Parameters
    ----------
    n, p, m, t : int
        Training rows, voxels, test rows, targets.

    Returns
    -------
    {"smoother", "left"}
        "smoother" (m, n) where it takes no more operations than "left" (p, n).
    """
    by_smoother = primal_smoother_flops(n, p, m) + predict_flops(n, m, t)
    by_left = primal_left_flops(n, p) + predict_flops(n, p, t) + predict_flops(p, m, t)
    return "smoother" if by_smoother <= by_left else "left"


def gram_band_flops(start: int, stop: int, depth: int) -> int:
    """Return the operations for rows ``start:stop`` of a Gram matrix of sums of ``depth`` products.

    ``depth`` is p in the dual and n in the primal; a whole Gram is the band ``0:n``.
    """
    rows = stop - start
    return depth * rows * (rows + 2 * start)


def cross_flops(n: int, p: int, m: int) -> int:
    """Return the operations for m test rows against n training rows of p voxels."""
    return 2 * m * n * p


def factor_flops(size: int, right_hand_sides: int) -> int:
    """Return the operations for a Cholesky factor and two triangular solves.

    ``size`` is n in the dual and p in the primal.
    """
    return size**3 // 3 + 2 * size**2 * right_hand_sides


def primal_smoother_flops(n: int, p: int, m: int) -> int:
    """Return the operations for a smoother in the primal, without the factor's own p^3 / 3."""
    return 2 * p**2 * m + 2 * m * p * n


def primal_left_flops(n: int, p: int) -> int:
    """Return the operations for (G + alpha I)^-1 Xc^T, without the factor's own p^3 / 3."""
    return 2 * p**2 * n


def predict_flops(columns: int, m: int, t: int) -> int:
    """Return the operations for an (m, columns) matrix times (columns, t) targets."""
    return 2 * m * columns * t


EIGEN = 19
"""Cholesky factors that one eigendecomposition takes the time of (measured, OpenBLAS's syevd and potrf)."""


def spectrum_flops(n: int) -> int:
    """Return the operations for an eigendecomposition, as Cholesky factors that take as long."""
    return EIGEN * n**3 // 3


def selection_flops(n: int, t: int, candidates: int, *, gcv: bool, spectral: bool) -> int:
    """Return the operations for scores of t targets at each candidate alpha.

    A factor with its inverse takes n^3 an alpha, residuals 2 n^2 t. With a spectrum, which is not counted
    here, targets are projected once, and generalised cross-validation needs no residuals.
    """
    residuals = candidates * predict_flops(n, n, t)
    if not spectral:
        return candidates * n**3 + residuals
    return predict_flops(n, n, t) + (predict_flops(n, candidates, t) if gcv else residuals)


def choose_spectrum(n: int, t: int, candidates: int, *, gcv: bool) -> bool:
    """Return whether one eigendecomposition is cheaper than a factor for each candidate alpha."""
    by_factor = selection_flops(n, t, candidates, gcv=gcv, spectral=False)
    return spectrum_flops(n) + selection_flops(n, t, candidates, gcv=gcv, spectral=True) < by_factor
