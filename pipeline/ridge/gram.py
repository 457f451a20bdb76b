"""Gram matrices, a band of rows at a time, from voxels that stream past.

Only the lower triangle is computed and kept; above the diagonal stand zeros. A band depends on nothing but
its own rows and the training data: bands can be made anywhere, in any order, with the same bits.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from pipeline.errors import ShapeError

from .blocks import WIDTH, centred, column_means, recut
from .kernels import kernels_for
from .namespace import Array, Precision, Rows, namespace_of, on_device

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence


def gram_band(blocks: Iterable[Array], start: int, stop: int, dtype: Precision = "float32") -> Array:
    """Return rows ``start:stop`` of the lower triangle of K = Xc Xc^T, Xc the centred training rows.

    Parameters
    ----------
    blocks : iterable of (row, voxel) float32 or float64
        All n training rows, consecutive voxels, in blocks of any width.
    start, stop : int
        The band: 0 <= start < stop <= n.
    dtype : {"float32", "float64"}
        In which products are formed and summed.

    Returns
    -------
    (stop - start, n) dtype
        Zeros above the diagonal. In numpy the memory order is Fortran's.

    Raises
    ------
    ShapeError
        If there are no voxels, fewer than two rows, blocks of unequal rows, or no such band.
    """
    return gram_bands(blocks, [(start, stop)], dtype)[0]


def gram_bands(
    blocks: Iterable[Array], spans: Sequence[tuple[int, int]], dtype: Precision = "float32"
) -> list[Array]:
    """Return several bands of one walk over the voxels: bit for bit those of ``gram_band``.

    Parameters
    ----------
    blocks, dtype
        As for ``gram_band``.
    spans
        Start and stop of each band.
    """
    bands: list[Array] = []
    for (piece,) in recut(((block,) for block in blocks), WIDTH):
        means = column_means(piece)
        for start, stop in spans:
            _check_band(start, stop, piece.shape[0])
        x = centred(piece[: max(stop for _, stop in spans), :], means, dtype)  # no band asks for rows below
        kernels = kernels_for(x)
        bands = bands or [kernels.accumulator(stop - start, piece.shape[0], x) for start, stop in spans]
        for (start, stop), band in zip(spans, bands, strict=True):
            kernels.rank_k_update(band[:, start:stop], x[start:stop, :])
            kernels.product_update(band[:, :start], x[start:stop, :], x[:start, :])
        del x  # or the next would stand beside it
    return [_some(band) for band in bands or [None]]


def _check_band(start: int, stop: int, rows: int) -> None:
    if not 0 <= start < stop <= rows:
        raise ShapeError(
            f"Band {start}:{stop} of a Gram matrix of {rows} rows; expected 0 <= start < stop <= {rows}."
        )


def _some(result: Array | None) -> Array:
    if result is None:
        raise ShapeError("No voxels found; expected at least one: check the ROI expression.")
    return result


def cross_gram(pairs: Iterable[tuple[Array, Array]], dtype: Precision = "float32") -> Array:
    """Return test rows against training rows, both less the mean of the training rows.

    Parameters
    ----------
    pairs : iterable of ((n, voxel), (m, voxel)) float32 or float64
        The same consecutive voxels of the training rows and of the test rows, in blocks of any width.
    dtype : {"float32", "float64"}
        In which products are formed and summed.

    Returns
    -------
    (m, n) dtype

    Raises
    ------
    ShapeError
        If there are no voxels, fewer than two training rows, or train and test differ in voxels.
    """
    cross = None
    for train, test in recut(pairs, WIDTH):
        means = column_means(train)
        x, x_test = centred(train, means, dtype), centred(test, means, dtype)
        kernels = kernels_for(x)
        if cross is None:
            cross = kernels.accumulator(x_test.shape[0], x.shape[0], x)
        kernels.product_update(cross, x_test, x)
        del x, x_test
    return _some(cross)


def gram_and_cross(pairs: Iterable[tuple[Array, Array]], dtype: Precision = "float32") -> tuple[Array, Array]:
    """Return the lower triangle of the whole K, and test rows against training rows, in one walk.

    Parameters
    ----------
    pairs : iterable of ((n, voxel), (m, voxel)) float32 or float64
        The same consecutive voxels of the training rows and of the test rows, in blocks of any width.
    dtype : {"float32", "float64"}
        In which products are formed and summed.

    Returns
    -------
    gram : (n, n) dtype
    cross : (m, n) dtype
        Bit for bit those of ``gram_band`` and ``cross_gram``.

    Raises
    ------
    ShapeError
        If there are no voxels, fewer than two training rows, or train and test differ in voxels.
    """
    gram = cross = None
    for train, test in recut(pairs, WIDTH):
        means = column_means(train)
        x, x_test = centred(train, means, dtype), centred(test, means, dtype)
        kernels = kernels_for(x)
        if gram is None or cross is None:
            gram = kernels.accumulator(x.shape[0], x.shape[0], x)
            cross = kernels.accumulator(x_test.shape[0], x.shape[0], x)
        kernels.rank_k_update(gram, x)
        kernels.product_update(cross, x_test, x)
        del x, x_test  # or the next two would stand beside them
    return _some(gram), _some(cross)


def primal_gram_band(
    band: Array, before: Iterable[Array], n_voxels: int, dtype: Precision = "float32"
) -> Array:
    """Return rows of the lower triangle of G = Xc^T Xc, Xc the centred training rows.

    Parameters
    ----------
    band : (row, voxel) float32 or float64
        All training rows of the voxels whose rows of G are wanted.
    before : iterable of (row, voxel) float32 or float64
        All voxels before the band, consecutive, in blocks of any width.
    n_voxels : int
        Voxels in all: the order of G.
    dtype : {"float32", "float64"}
        In which products are formed and summed.

    Returns
    -------
    (band's voxels, n_voxels) dtype
        Zeros above the diagonal. In numpy the memory order is Fortran's.

    Raises
    ------
    ShapeError
        If there are fewer than two rows, unequal rows, or more voxels than ``n_voxels``.
    """
    x = centred(band, column_means(band), dtype).T
    kernels = kernels_for(x)
    rows = kernels.accumulator(x.shape[0], n_voxels, x)
    start = 0
    for (piece,) in recut(((block,) for block in before), WIDTH):
        stop = start + piece.shape[1]
        _check_room(piece, x.shape[1], stop + x.shape[0], n_voxels)
        kernels.product_update(rows[:, start:stop], x, centred(piece, column_means(piece), dtype).T)
        start = stop
    _check_room(band, x.shape[1], start + x.shape[0], n_voxels)
    kernels.rank_k_update(rows[:, start : start + x.shape[0]], x)
    return rows


def _check_room(piece: Array, rows: int, voxels: int, n_voxels: int) -> None:
    if piece.shape[0] != rows or voxels > n_voxels:
        raise ShapeError(
            f"Blocks of {piece.shape[0]} rows reaching voxel {voxels}; "
            f"expected {rows} rows and at most {n_voxels} voxels."
        )


def symmetric(lower: Array) -> Array:
    """Return the whole of a symmetric matrix given by its lower triangle.

    Parameters
    ----------
    lower : (n, n) float32 or float64
        What stands above the diagonal is not read.

    Returns
    -------
    (n, n) same dtype
    """
    xp = namespace_of(lower)
    return xp.tril(lower) + xp.tril(lower, k=-1).T


def gram_rows(lower: Array, rows: Rows) -> Array:
    """Return whole rows of a symmetric matrix given by its lower triangle.

    Parameters
    ----------
    lower : (n, n) float32 or float64
        What stands above the diagonal is not read.
    rows : (k,) int
        Which rows, on the host.

    Returns
    -------
    (k, n) same dtype
    """
    xp = namespace_of(lower)
    index = on_device(np.asarray(rows), lower)
    below = on_device(np.arange(lower.shape[0])[None, :] <= np.asarray(rows)[:, None], lower)
    return xp.where(below, xp.take(lower, index, axis=0), xp.take(lower, index, axis=1).T)
