"""Batches of one fixed size: the last one padded, halved once where memory does not suffice.

A network may round otherwise at another batch size. So every picture is painted in a batch of the size the
product was created with; where memory forbids it, the block's marker says so.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from cluster import Unwanted, wanted
from storage.remarks import remarks

from ..errors import StageFailed

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from numpy.typing import NDArray


class OutOfMemory(StageFailed, MemoryError):
    """A device's memory does not hold a batch, halved once."""

    kind = "out-of-memory"


def in_batches(paint: Callable[..., NDArray[Any]], given: Sequence[NDArray[Any]], batch: int) -> NDArray[Any]:
    """Return what `paint` makes of arrays, a batch at a time.

    Parameters
    ----------
    paint
        Of `batch` entries of each array; returns as many pictures.
    given
        Arrays with an entry a picture.
    batch
        Pictures painted at once.

    Raises
    ------
    OutOfMemory
        If half of `batch` is still too much.
    """
    try:
        return _in_batches(paint, given, batch)
    except (MemoryError, RuntimeError) as error:
        if batch == 1 or not is_out_of_memory(error):
            raise _told(error, batch) if is_out_of_memory(error) else error from None
    _let_go()
    half = batch // 2
    try:
        made = _in_batches(paint, given, half)
    except (MemoryError, RuntimeError) as error:
        raise _told(error, half) if is_out_of_memory(error) else error from None
    remarks.batch = half
    return made


def _in_batches(
    paint: Callable[..., NDArray[Any]], given: Sequence[NDArray[Any]], batch: int
) -> NDArray[Any]:
    count = len(given[0])
    made = []
    for start in range(0, count, batch):
        if not wanted():
            raise Unwanted(f"painting was given up after {start} of {count} pictures")
        stop = min(start + batch, count)
        padded = [_padded(array[start:stop], batch) for array in given]
        made.append(paint(*padded)[: stop - start])
    return np.concatenate(made)


def _padded(array: NDArray[Any], size: int) -> NDArray[Any]:
    """Return an array of `size` entries, the last one repeated."""
    return (
        array if len(array) == size else np.concatenate([array, np.repeat(array[-1:], size - len(array), 0)])
    )


def is_out_of_memory(error: BaseException) -> bool:
    """Tell whether an error means that memory did not suffice, on a GPU or for torch on the CPU."""
    if isinstance(error, MemoryError):
        return True
    return type(error).__name__ == "OutOfMemoryError" or "can't allocate memory" in str(error)


def _told(error: BaseException, batch: int) -> OutOfMemory:
    first = next(iter(str(error).strip().splitlines()), type(error).__name__)
    return OutOfMemory(
        f"memory does not hold a batch of {batch} ({first[:120]}); lower `batch` or `size` in [images], "
        "or use workers with more"
    )


def _let_go() -> None:
    """Give freed memory of a GPU back before the second try."""
    import sys

    torch = sys.modules.get("torch")
    if torch is not None and torch.cuda.is_available():
        torch.cuda.empty_cache()
