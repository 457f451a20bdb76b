"""Which alpha: candidates scored on targets that the ridge did not see, for all targets at once.

Generalised cross-validation (Golub, Heath and Wahba 1979) weighs every row's residual alike and needs nothing
but the squares of the projected targets; leave-one-out is exact; k-fold leaves whole folds out. No array has
more than two of the dimensions candidate, row, component and target.
"""

from __future__ import annotations

import functools
import math
import operator
from itertools import chain
from typing import TYPE_CHECKING, Any, TypeAlias

import numpy as np

from pipeline.errors import ShapeError

from .blocks import centred
from .choice import NOTHING_VARIES, Errors
from .correction import TILE, Moments, by_tile, is_constant
from .namespace import Array, Precision, Rows, namespace_of, on_device
from .penalty import check_penalty
from .residuals import ByFactor, BySpectrum, by_factor, held_out, held_out_parts
from .retrieval import identification

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Sequence

    from .groups import Groups
    from .spectrum import Spectrum

Candidates: TypeAlias = "Iterable[BySpectrum | ByFactor]"
"""Residuals at one alpha after the other."""


def centred_targets(targets: Array, of_rows: Moments, dtype: Precision) -> Array:
    """Return targets less their means, exactly 0 where a target is constant.

    Parameters
    ----------
    targets : (n, t) float32 or float64
        One row a training row.
    of_rows : Moments
        Of those rows.
    dtype : {"float32", "float64"}
        Of the result, and of all that is computed from it.

    Returns
    -------
    (n, t) dtype
    """
    less = centred(targets, of_rows.mean, dtype)
    varies = ~is_constant(of_rows, targets.dtype)
    less *= namespace_of(less).astype(varies, less.dtype)
    return less


def by_spectrum(spectrum: Spectrum, targets: Array, alphas: Sequence[float]) -> list[BySpectrum]:
    """Return the residuals at each alpha, on one projection of the (n, t) centred targets.

    Raises
    ------
    RecipeError
        If an alpha is not a finite number above 0, or lost in the rounding of the eigenvalues.
    """
    scale = float(namespace_of(spectrum.values).mean(spectrum.values)) or 1.0
    for alpha in alphas:
        check_penalty(alpha, scale, "float64")
    projected = spectrum.project(targets)
    return [BySpectrum(spectrum, targets, projected, float(alpha)) for alpha in alphas]


def by_factors(gram_lower: Array, targets: Array, alphas: Iterable[float]) -> Iterator[ByFactor]:
    """Yield the residuals at each alpha by a Cholesky factor of its own: for few alphas."""
    return (by_factor(gram_lower, targets, float(alpha)) for alpha in alphas)


def gcv_errors(candidates: Candidates) -> Errors:
    """Return every candidate's generalised cross-validation error, n |N Y|^2 / trace(N)^2.

    The trace counts the intercept's degree of freedom. With a spectrum all candidates take 2 A r t operations
    together, beside the projection's 2 n r t.

    Parameters
    ----------
    candidates : Candidates
        One an alpha; those of a spectrum are of one projection.
    """
    listed = iter(candidates)
    first = next(listed)
    if isinstance(first, BySpectrum):
        return _spectral_gcv([first, *(one for one in listed if isinstance(one, BySpectrum))])

    def error(candidate: ByFactor) -> Array:
        n = candidate.maker.shape[0]
        return _mean_squares(candidate.of(np.arange(n))) * (n / candidate.trace) ** 2

    rest = (one for one in listed if isinstance(one, ByFactor))
    return _errors(chain([first], rest), error)


def _spectral_gcv(candidates: Sequence[BySpectrum]) -> Errors:
    first = candidates[0]
    xp, spectrum, n = namespace_of(first.projected), first.spectrum, first.targets.shape[0]
    kept = xp.stack([candidate.kept for candidate in candidates])
    trace = xp.sum(kept, axis=1) + spectrum.left_over

    def energy(projected: Array, targets: Array) -> tuple[Array, Array]:
        squares, total = projected**2, xp.sum(targets**2, axis=0)
        found = kept**2 @ squares
        if not spectrum.complete:  # what no component holds stays as residual at any alpha
            found = found + xp.clip(total - xp.sum(squares, axis=0), min=0.0)
        return found, total / n

    energies, variance = by_tile(energy, first.projected, first.targets)
    # A ridge that fits every row exactly says nothing of rows it did not see: 0 / 0.
    fits = trace <= n * xp.finfo(first.projected.dtype).eps
    errors = n * energies / xp.where(fits, xp.ones_like(trace), trace)[:, None] ** 2
    return Errors(xp.where(fits[:, None], math.inf + xp.zeros_like(errors), errors), variance)


def held_out_errors(candidates: Candidates, groups: Groups) -> Errors:
    """Return every candidate's error on rows left out with their group; 2 n r t operations a candidate.

    Parameters
    ----------
    candidates : Candidates
        One an alpha.
    groups : Groups
        All rows, by picture (leave-one-out) or by fold.
    """

    def error(candidate: BySpectrum | ByFactor) -> Array:
        sums = (part.shape[0] * _mean_squares(part) for part in held_out_parts(candidate, groups))
        found = functools.reduce(operator.add, sums) / groups.chosen.size
        xp = namespace_of(found)
        return xp.where(xp.isfinite(found), found, math.inf + xp.zeros_like(found))

    return _errors(candidates, error)


def identifications(candidates: Candidates, groups: Groups, picture_of_row: Rows) -> Array:
    """Return, for every candidate, how often held-out predictions tell their own picture from others.

    The least squared error is not the best identification: a penalty that shrinks predictions towards
    their mean does less harm to the one than to the other.

    Parameters
    ----------
    candidates : Candidates
        One an alpha.
    groups : Groups
        All rows, by fold.
    picture_of_row : (n,) int
        The picture each row saw.

    Returns
    -------
    (candidate,) float64
        See ``identification``.

    Raises
    ------
    ShapeError
        If no target varies.
    """
    found = []
    for candidate in candidates:
        if not float(namespace_of(candidate.targets).max(abs(candidate.targets))) > 0:
            raise ShapeError(NOTHING_VARIES)
        predicted = candidate.targets - held_out(candidate, groups)
        found.append(identification(predicted, candidate.targets, groups.labels, picture_of_row))
    return on_device(np.asarray(found), candidate.targets)


def held_out_by_best(candidates: Sequence[BySpectrum], best: Array, groups: Groups) -> Array:
    """Return held-out residuals of the groups' rows, each target at its own alpha; 2 k r t operations.

    Parameters
    ----------
    candidates : sequence of BySpectrum
        Of one projection.
    best : (t,) int
        The candidate of each target.
    groups : Groups
        Rows left out together.

    Returns
    -------
    (k, t)
    """
    xp, parts, columns = namespace_of(best), [], []
    for at, candidate in enumerate(candidates):
        (own,) = xp.nonzero(best == at)
        for start in range(0, own.shape[0], TILE):
            tile = own[start : min(start + TILE, own.shape[0])]
            parts.append(held_out(candidate.only(tile), groups))
            columns.append(tile)
    return xp.take(xp.concat(parts, axis=1), xp.argsort(xp.concat(columns)), axis=1)


def _errors(candidates: Candidates, error: Callable[[Any], Array]) -> Errors:
    """Return one error a candidate; only one candidate's residuals are held."""
    found, targets = [], None
    for candidate in candidates:
        found.append(error(candidate))
        targets = candidate.targets
    return Errors(namespace_of(targets).stack(found), _mean_squares(targets))


def _mean_squares(values: Array) -> Array:
    xp, count = namespace_of(values), values.shape[1]
    tiles = (values[:, start : min(start + TILE, count)] for start in range(0, count, TILE))
    return xp.concat([xp.sum(tile * tile, axis=0, dtype=xp.float64) for tile in tiles]) / values.shape[0]
