"""The few operations that deserve a library's own routines: one small file an array library.

``kernels_for`` picks the file by the array itself. A library without a file gets the plain array API.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from ..namespace import Array, Precision

__all__ = ["Kernels", "kernels_for"]

#: Libraries that have a file of their own here.
_OWN = ("numpy", "cupy", "torch")


class Kernels(Protocol):
    """What every file of kernels offers. Updates change their first argument in place."""

    def accumulator(self, rows: int, columns: int, like: Array) -> Array:
        """Return zeros, in the memory order the updates want, with dtype and device of another array."""
        ...

    def column_sums(self, block: Array) -> Array:
        """Return the sum of every column, taken in float64."""
        ...

    def difference(self, block: Array, means: Array, dtype: Precision) -> Array:
        """Return block less its column means (float64), as exact as its dtype can hold."""
        ...

    def rank_k_update(self, accumulator: Array, block: Array) -> None:
        """Add block block^T to the lower triangle of the accumulator; leave the rest alone."""
        ...

    def product_update(self, accumulator: Array, left: Array, right: Array) -> None:
        """Add left right^T to the accumulator."""
        ...

    def cholesky(self, lower: Array, shift: float, *, overwrite: bool = False) -> Array:
        """Return L, lower, with L L^T = A + shift I, A given by its lower triangle.

        A is unharmed, unless it may be overwritten. Raises ``numpy.linalg.LinAlgError`` if there is none.
        """
        ...

    def solve_triangular(self, factor: Array, rows: Array, *, transposed: bool) -> Array:
        """Return Z with Z L = rows, or, transposed, Z L^T = rows, for a factor L that ``cholesky`` made."""
        ...

    def inverse(self, factor: Array) -> Array:
        """Return A^-1, both its triangles, for a factor of A that ``cholesky`` made and that may be lost."""
        ...

    def eigh(self, lower: Array) -> tuple[Array, Array]:
        """Return eigenvalues, ascending, and eigenvectors, as columns, of A.

        Only its lower triangle is read; it may be lost.
        """
        ...


def kernels_for(array: Array) -> Kernels:
    """Return the kernels for the library of an array."""
    library = type(array).__module__.partition(".")[0]
    return import_module(f"{__name__}.on_{library if library in _OWN else 'array_api'}")
