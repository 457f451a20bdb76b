"""Whose array is it: the library an array belongs to, found from the array, never from a global setting."""

from __future__ import annotations

from typing import Any, Literal, TypeAlias

import numpy as np

Array: TypeAlias = Any
"""An array of numpy, cupy, torch, or any other library that follows the array API standard."""

Precision = Literal["float32", "float64"]
"""The dtypes the ridge computes in, by name: libraries have different dtype objects."""


Rows: TypeAlias = np.ndarray[tuple[int], np.dtype[np.int64]]
"""Indices of rows or pictures, on the host."""


def namespace_of(array: Array) -> Any:
    """Return the array API functions for an array.

    Parameters
    ----------
    array : Array
        Any array of a supported library.

    Returns
    -------
    module
        numpy itself for numpy arrays; otherwise what array-api-compat answers, or, where that package is
        not installed, the array's own namespace, for torch and cupy that of ``bare``.
    """
    if isinstance(array, np.ndarray):
        return np
    try:
        from array_api_compat import array_namespace
    except ImportError:
        return _own_namespace(array)
    return array_namespace(array)


def _own_namespace(array: Array) -> Any:
    from .bare import LIBRARIES, bare

    library = type(array).__module__.partition(".")[0]
    if library in LIBRARIES:
        return bare(library)
    return array.__array_namespace__()


def precision_of(array: Array) -> Precision:
    """Return the name of an array's dtype, which its library may call ``torch.float32``."""
    return "float64" if str(array.dtype).endswith("float64") else "float32"


def row_major(array: Array) -> Array:
    """Return the array with its rows contiguous, where the library lets memory order be chosen.

    The order of a sum follows the memory order, so equal values would else give unequal bits.
    """
    return np.ascontiguousarray(array) if isinstance(array, np.ndarray) else array


def on_device(values: np.ndarray[Any, Any], like: Array) -> Array:
    """Return host values as an array of the library and device of another array."""
    return namespace_of(like).asarray(values, device=like.device)
