"""What a ridge leaves of its targets at one alpha, and what it would have left of rows it never saw.

The residual maker N (n, n) turns targets into residuals, intercept and all: N Y = Y - H Y. It comes from a
spectrum, cheaply for every alpha, or from a Cholesky factor, which costs a third of n^3 and an inverse each
time but no decomposition. Both give the same numbers.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

import numpy as np

from .correction import TILE
from .groups import left_out
from .namespace import Array, Rows, namespace_of, on_device
from .penalty import mean_eigenvalue
from .smoother import factorise

if TYPE_CHECKING:
    from collections.abc import Iterator

    from .groups import Groups, Stack
    from .spectrum import Spectrum


class Residuals(Protocol):
    """N and the targets it is applied to, at one alpha."""

    def of(self, rows: Rows) -> Array:
        """Return (N Y) of some rows."""
        ...

    def block(self, rows: Stack) -> Array:
        """Return N_gg (group, member, member) float64 for (group, member) rows."""
        ...


def held_out(residuals: Residuals, groups: Groups) -> Array:
    """Return target less prediction of the groups' rows, by ridges that saw none of a row's group.

    Parameters
    ----------
    residuals : Residuals
        Of all rows.
    groups : Groups
        Rows that are left out together.

    Returns
    -------
    (k, t)
        A row a chosen row of the groups.
    """
    return groups.ordered(held_out_parts(residuals, groups))


def held_out_parts(residuals: Residuals, groups: Groups) -> Iterator[Array]:
    """Yield the same a stack of groups at a time, so that the whole need not be held."""
    for rows in groups.stacks:
        yield left_out(residuals.block(rows), residuals.of(rows.ravel()))


@dataclass(frozen=True)
class BySpectrum:
    """Residuals from eigenvectors; projected once, for every alpha."""

    spectrum: Spectrum
    targets: Array
    """(n, t) centred."""
    projected: Array
    """(r, t) ``spectrum.project(targets)``."""
    alpha: float

    def only(self, columns: Array) -> BySpectrum:
        """Return the residuals of some targets alone, given by their (t,) int positions."""
        xp = namespace_of(self.projected)
        targets, projected = (xp.take(part, columns, axis=1) for part in (self.targets, self.projected))
        return BySpectrum(self.spectrum, targets, projected, self.alpha)

    def of(self, rows: Rows) -> Array:
        """Return (N Y) of some rows; 2 k r t operations."""
        xp = namespace_of(self.projected)
        vectors, complete = _rows(self.spectrum.vectors, rows), self.spectrum.complete
        weights = xp.astype(self.kept if complete else self.kept - 1.0, self.projected.dtype)
        found = (vectors * weights) @ self.projected
        return found if complete else found + xp.astype(_rows(self.targets, rows), found.dtype)

    def block(self, rows: Stack) -> Array:
        """Return N_gg of some groups."""
        xp, vectors = namespace_of(self.projected), _rows(self.spectrum.vectors, rows.ravel())
        members = xp.reshape(vectors, (rows.shape[0], rows.shape[1], vectors.shape[1]))
        if self.spectrum.complete:
            return _outer(members, self.kept)
        n = self.spectrum.vectors.shape[0]
        eye = xp.eye(rows.shape[1], dtype=xp.float64, device=vectors.device)
        return eye[None, :, :] - 1.0 / n + _outer(members, self.kept - 1.0)

    @property
    def kept(self) -> Array:
        """Share of each component that the penalty leaves as residual, (r,) float64."""
        return self.alpha / (self.spectrum.values + self.alpha)


@dataclass(frozen=True)
class ByFactor:
    """Residuals from the residual maker itself, made by `by_factor`."""

    maker: Array
    """(n, n)"""
    targets: Array
    """(n, t)"""

    def of(self, rows: Rows) -> Array:
        """Return (N Y) of some rows; 2 k n t operations."""
        xp = namespace_of(self.maker)
        return _rows(self.maker, rows) @ xp.astype(self.targets, self.maker.dtype, copy=False)

    def block(self, rows: Stack) -> Array:
        """Return N_gg of some groups."""
        xp = namespace_of(self.maker)
        flat = rows[:, :, None] * self.maker.shape[1] + rows[:, None, :]
        index = on_device(flat.ravel(), self.maker)
        picked = xp.take(xp.reshape(self.maker, (-1,)), index, axis=0)
        return xp.reshape(xp.astype(picked, xp.float64), flat.shape)

    @property
    def trace(self) -> float:
        """The trace of N: the rows less the degrees of freedom, the intercept's among them."""
        xp = namespace_of(self.maker)
        return float(xp.sum(xp.linalg.diagonal(self.maker), dtype=xp.float64))


def by_factor(gram_lower: Array, targets: Array, alpha: float) -> ByFactor:
    """Return residuals by a Cholesky factor of K + alpha I and its inverse.

    The intercept's direction, of eigenvalue 0, would fill the inverse with 1 / (n alpha); it is moved among
    the other eigenvalues first, so that little is subtracted afterwards.

    Parameters
    ----------
    gram_lower : (n, n) float32 or float64
        K, its lower triangle; not changed.
    targets : (n, t)
        Centred or not.
    alpha : float
        Penalty.

    Returns
    -------
    ByFactor
    """
    n = gram_lower.shape[0]
    moved = mean_eigenvalue(gram_lower)
    maker = factorise(gram_lower + moved / n, alpha, overwrite=True).inverse()
    maker *= alpha
    maker -= alpha / (n * (moved + alpha))
    return ByFactor(maker, targets)


def _rows(matrix: Array, rows: Rows) -> Array:
    """Return some rows of a matrix, the matrix itself where they are all of them in order."""
    if np.array_equal(rows, np.arange(matrix.shape[0])):
        return matrix
    return namespace_of(matrix).take(matrix, on_device(rows, matrix), axis=0)


def _outer(members: Array, weights: Array) -> Array:
    """Return members diag(weights) members^T, (group, member, member) float64, of (group, member, r)."""
    xp, (groups, size, components) = namespace_of(members), members.shape
    total = xp.zeros((groups, size, size), dtype=xp.float64, device=members.device)
    for start in range(0, components, TILE):
        tile = slice(start, min(start + TILE, components))
        wide = xp.astype(members[:, :, tile], xp.float64)
        if size == 1:
            total += xp.sum(wide * wide * weights[tile], axis=2)[:, :, None]
        else:
            total += (wide * weights[tile]) @ xp.matrix_transpose(wide)
    return total
