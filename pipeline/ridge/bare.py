"""torch and cupy under the standard's names, where array-api-compat is not installed.

A bare GPU machine has numpy, cupy and torch, and nothing else; there this file serves. It holds what the
ridge calls and those libraries name or call otherwise; all else is theirs.
"""

from __future__ import annotations

from functools import cache
from importlib import import_module
from typing import Any, TypeAlias

Array: TypeAlias = Any
"""Of the library in question."""

LIBRARIES = ("torch", "cupy")
"""Whose modules are not, in every version of theirs, namespaces of the standard."""


@cache
def bare(library: str) -> Any:
    """Return one of `LIBRARIES` by the standard's names."""
    return {"torch": BareTorch, "cupy": BareCupy}[library](import_module(library))


class Bare:
    """A library, some of its functions replaced."""

    def __init__(self, library: Any) -> None:
        self._library = library

    def __getattr__(self, name: str) -> Any:
        return getattr(self._library, name)

    def matrix_transpose(self, array: Array) -> Array:
        """Return the last two axes exchanged."""
        return array.swapaxes(-1, -2)


class BareTorch(Bare):
    """torch by the standard's names."""

    def astype(self, array: Array, dtype: Any, *, copy: bool = True) -> Array:
        """Return an array in another dtype."""
        return array.to(dtype, copy=copy)

    def take(self, array: Array, indices: Array, *, axis: int) -> Array:
        """Return the elements of an axis at some positions."""
        return array.index_select(axis, indices)

    def tril(self, array: Array, *, k: int = 0) -> Array:
        """Return the lower triangle."""
        return array.tril(k)

    def nonzero(self, array: Array) -> tuple[Array, ...]:
        """Return the positions, one array an axis, of what is not 0."""
        found: tuple[Array, ...] = array.nonzero(as_tuple=True)
        return found


class BareCupy(Bare):
    """cupy by the standard's names; there is one device, that in use."""

    @property
    def linalg(self) -> Any:
        """Its linear algebra."""
        return CupyLinalg(self._library.linalg)

    def asarray(
        self, values: Any, *, dtype: Any = None, device: Any = None, copy: bool | None = None
    ) -> Array:
        """Return values as an array."""
        del device
        return (
            self._library.array(values, dtype=dtype) if copy else self._library.asarray(values, dtype=dtype)
        )

    def empty(self, shape: tuple[int, ...], *, dtype: Any = None, device: Any = None) -> Array:
        """Return an array of anything."""
        del device
        return self._library.empty(shape, dtype=dtype)

    def zeros(self, shape: tuple[int, ...], *, dtype: Any = None, device: Any = None) -> Array:
        """Return zeros."""
        del device
        return self._library.zeros(shape, dtype=dtype)

    def eye(self, rows: int, *, dtype: Any = None, device: Any = None) -> Array:
        """Return a unit matrix."""
        del device
        return self._library.eye(rows, dtype=dtype)

    def astype(self, array: Array, dtype: Any, *, copy: bool = True) -> Array:
        """Return an array in another dtype."""
        return array.astype(dtype, copy=copy)

    def concat(self, arrays: Any, *, axis: int = 0) -> Array:
        """Return arrays one after the other."""
        return self._library.concatenate(arrays, axis=axis)

    def clip(self, array: Array, *, min: float) -> Array:  # noqa: A002  (the standard's word)
        """Return values, none of them below a bound."""
        return self._library.maximum(array, min)


class CupyLinalg(Bare):
    """cupy's linear algebra by the standard's names."""

    def diagonal(self, matrix: Array) -> Array:
        """Return the diagonal of the last two axes."""
        return matrix.diagonal(0, -2, -1)

    def svdvals(self, matrix: Array) -> Array:
        """Return the singular values."""
        return self._library.svd(matrix, compute_uv=False)
