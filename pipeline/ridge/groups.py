"""Rows that are left out together: one picture's, or one fold's. No ridge is fitted again for it.

With the residual maker N of all rows (``residuals``), what the ridge without rows g leaves of their targets
is N_gg^-1 (N Y)_g. With single rows that is the residual / (1 - leverage) of PRESS (Allen 1974); for several
see Cook and Weisberg, Residuals and Influence in Regression (1982).
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, TypeAlias

import numpy as np

from pipeline.errors import ShapeError

from .namespace import Array, Rows, namespace_of, on_device

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

Stack: TypeAlias = np.ndarray[tuple[int, int], np.dtype[np.int64]]
"""Rows as (group, member), on the host."""

ROWS = 1024
"""Rows whose small systems are solved in one call, which bounds the memory of their matrices."""


@dataclass(frozen=True)
class Groups:
    """Which rows are left out together."""

    labels: Rows
    """(n,) int: rows of one label are left out together."""
    chosen: Rows
    """(k,) int, ascending: the rows of interest, with all that share their labels."""

    @classmethod
    def of(cls, labels: Rows, sample: Rows | None = None) -> Groups:
        """Return the groups of some rows, default all.

        Parameters
        ----------
        labels : (n,) int
            A label a row: the picture it saw, or its fold.
        sample : (s,) int, optional
            Rows whose groups are wanted.

        Raises
        ------
        ShapeError
            If all rows share one label: nothing would be left to learn from.
        """
        labels = np.asarray(labels)
        if labels.size and np.all(labels == labels[0]):
            raise ShapeError(
                "All training rows saw the same picture, or fell into one fold, so none is left without it; "
                "more pictures are needed."
            )
        if sample is None:
            return cls(labels, np.arange(labels.size))
        return cls(labels, np.flatnonzero(np.isin(labels, labels[np.asarray(sample)])))

    @cached_property
    def stacks(self) -> list[Stack]:
        """The chosen rows as (group, member) arrays, groups of one size together, ``ROWS`` rows at most."""
        order = self.chosen[np.argsort(self.labels[self.chosen], kind="stable")]
        _, first, sizes = np.unique(self.labels[order], return_index=True, return_counts=True)
        return [stack for size in np.unique(sizes) for stack in _cut(order, first[sizes == size], int(size))]

    def ordered(self, parts: Iterable[Array]) -> Array:
        """Return the rows of all stacks, one after the other, in the order of ``chosen``."""
        listed = list(parts)
        found = namespace_of(listed[0]).concat(listed, axis=0)
        back = np.argsort(np.concatenate([rows.ravel() for rows in self.stacks]), kind="stable")
        return namespace_of(found).take(found, on_device(back, found), axis=0)


def _cut(order: Rows, first: Rows, size: int) -> Iterator[Stack]:
    step = max(1, ROWS // size)
    for start in range(0, first.size, step):
        yield order[first[start : start + step, None] + np.arange(size)]


def left_out(blocks: Array, part: Array) -> Array:
    """Return N_gg^-1 residuals_g of some groups: what their own absence leaves of their targets.

    Parameters
    ----------
    blocks : (group, member, member) float64
        N_gg; above 0, where it is not for rounding alone.
    part : (group * member, t)
        (N Y)_g. Groups of single rows take a division, and a row that is fitted exactly becomes NaN.
    """
    xp = namespace_of(part)
    groups, size = blocks.shape[0], blocks.shape[1]
    if size == 1:
        left = xp.astype(xp.reshape(blocks, (groups, 1)), part.dtype)
        return part / xp.where(left > 0, left, math.nan + xp.zeros_like(left))
    wide = xp.reshape(xp.astype(part, xp.float64), (groups, size, part.shape[1]))
    return xp.astype(xp.reshape(xp.linalg.solve(blocks, wide), part.shape), part.dtype)
