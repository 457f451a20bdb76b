"""Blocks of voxels: cut to one fixed width, whatever width they come in, and centred."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pipeline.errors import ShapeError

from .kernels import kernels_for
from .namespace import Array, Precision, namespace_of

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

WIDTH = 1024
"""Voxels summed at a time.

Fixed: sums in float32 over blocks of 512, 1024 and 2048 voxels give three different Gram matrices, so the
width must not follow from a memory budget or from how a reader cuts its blocks.
"""


def recut(blocks: Iterable[tuple[Array, ...]], width: int = WIDTH) -> Iterator[tuple[Array, ...]]:
    """Cut a stream of blocks into blocks of one width, joining across their borders.

    Parameters
    ----------
    blocks : iterable of tuples of (row, voxel) arrays
        Consecutive voxels; the arrays of one tuple hold the same voxels of different rows.
    width : int
        Voxels in every block given out, but for a last short one.

    Yields
    ------
    tuple of (row, width) arrays
        Views of what came in where the borders allow it.

    Raises
    ------
    ShapeError
        If the arrays of a tuple differ in their number of voxels, or blocks in their number of rows.
    """
    held: tuple[Array, ...] = ()
    for block in blocks:
        held = _joined(held, block)
        while held[0].shape[1] >= width:
            yield tuple(part[:, :width] for part in held)
            held = tuple(part[:, width:] for part in held)
    if held and held[0].shape[1]:
        yield held


def _joined(held: tuple[Array, ...], block: tuple[Array, ...]) -> tuple[Array, ...]:
    if len({part.shape[1] for part in block}) > 1:
        widths = " and ".join(str(part.shape[1]) for part in block)
        raise ShapeError(f"Blocks of {widths} voxels stand side by side; give the same voxels of every row.")
    if not held:
        return block
    if any(old.shape[0] != new.shape[0] for old, new in zip(held, block, strict=True)):
        raise ShapeError(
            f"A block of {block[0].shape[0]} rows follows one of {held[0].shape[0]}; "
            "every block must hold the same rows."
        )
    if not held[0].shape[1]:
        return block
    xp = namespace_of(block[0])
    return tuple(xp.concat(pair, axis=1) for pair in zip(held, block, strict=True))


def column_means(block: Array) -> Array:
    """Return the mean of every column, summed in double precision.

    Parameters
    ----------
    block : (row, voxel) float32 or float64
        Training rows.

    Returns
    -------
    (voxel,) float64

    Raises
    ------
    ShapeError
        If there are fewer than two rows: nothing is left of a single row once its mean is gone.
    """
    if block.shape[0] < 2:
        raise ShapeError(
            f"{block.shape[0]} training row(s) found; ridge regression with an intercept needs at least 2."
        )
    return kernels_for(block).column_sums(block) / block.shape[0]


def centred(block: Array, means: Array, dtype: Precision) -> Array:
    """Return a block less the column means, as exact as the dtype can hold.

    With means of 100 standard deviations, means rounded to single precision leave Gram matrices that are not
    positive definite.

    Parameters
    ----------
    block : (row, voxel) float32 or float64
    means : (voxel,) float64
        Of the training rows, also where the block holds test rows.
    dtype : {"float32", "float64"}
        Of the result.

    Returns
    -------
    (row, voxel) dtype
    """
    return kernels_for(block).difference(block, means, dtype)
