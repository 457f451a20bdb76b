"""Batches of one fixed size: the last one padded, halved once where memory does not suffice.

A network may round otherwise at another batch size. So every picture goes through it in a batch of the size
the product was created with; where memory forbids it, the block's marker says so.
"""

from __future__ import annotations

from contextlib import closing
from typing import TYPE_CHECKING, Any

import numpy as np

from cluster import Unwanted, wanted
from storage.remarks import remarks

from ..ahead import ahead
from ..errors import StageFailed

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from numpy.typing import NDArray


class OutOfMemory(StageFailed, MemoryError):
    """A device's memory does not hold a batch, halved once."""

    kind = "out-of-memory"


def in_batches(make: Callable[..., NDArray[Any]], given: Sequence[NDArray[Any]], batch: int) -> NDArray[Any]:
    """Return what `make` makes of arrays, a batch at a time; see `walked`.

    Parameters
    ----------
    make
        Of `batch` entries of each array; returns as many of what it makes.
    given
        Arrays with an entry a picture.
    batch
        Entries at once.
    """
    return walked(make, lambda start, stop: [array[start:stop] for array in given], len(given[0]), batch)


def walked(
    make: Callable[..., NDArray[Any]],
    read: Callable[[int, int], Sequence[NDArray[Any]]],
    count: int,
    batch: int,
) -> NDArray[Any]:
    """Return what `make` makes of what is read, a batch at a time; the next is read meanwhile by a thread.

    Parameters
    ----------
    make
        Of `batch` entries of each array; returns as many of what it makes.
    read
        Returns the arrays from an entry to another, as many entries of each.
    count
        Entries there are.
    batch
        Entries at once; where the last ones are fewer, the last of them comes again.

    Raises
    ------
    OutOfMemory
        If half of `batch` is still too much.
    """
    try:
        return _walked(make, read, count, batch)
    except (MemoryError, RuntimeError) as error:
        if batch == 1 or not is_out_of_memory(error):
            raise _told(error, batch) if is_out_of_memory(error) else error from None
    _let_go()
    half = batch // 2
    try:
        made = _walked(make, read, count, half)
    except (MemoryError, RuntimeError) as error:
        raise _told(error, half) if is_out_of_memory(error) else error from None
    remarks.batch = half
    return made


def _walked(
    make: Callable[..., NDArray[Any]],
    read: Callable[[int, int], Sequence[NDArray[Any]]],
    count: int,
    batch: int,
) -> NDArray[Any]:
    def reading() -> Iterator[tuple[int, list[NDArray[Any]]]]:
        for start in range(0, count, batch):
            stop = min(start + batch, count)
            yield stop - start, [_padded(array, batch) for array in read(start, stop)]

    made: NDArray[Any] | None = None
    done = 0
    with closing(ahead(reading())) as batches:
        for size, arrays in batches:
            if not wanted():
                raise Unwanted(f"given up after {done} of {count} pictures")
            found = make(*arrays)
            if made is None:  # one array for all: two of features would be gigabytes
                made = np.empty((count, *found.shape[1:]), found.dtype)
            made[done : done + size] = found[:size]
            done += size
    assert made is not None, "there is an entry at least"
    return made


def _padded(array: NDArray[Any], size: int) -> NDArray[Any]:
    """Return an array of `size` entries, the last one repeated."""
    return (
        array if len(array) == size else np.concatenate([array, np.repeat(array[-1:], size - len(array), 0)])
    )


def is_out_of_memory(error: BaseException) -> bool:
    """Tell whether an error means that memory did not suffice, on a GPU or for torch on the CPU."""
    if isinstance(error, MemoryError) or type(error).__name__ == "OutOfMemoryError":
        return True
    return any(said in str(error) for said in ("can't allocate memory", "MPS backend out of memory"))


def _told(error: BaseException, batch: int) -> OutOfMemory:
    first = next(iter(str(error).strip().splitlines()), type(error).__name__)
    return OutOfMemory(
        f"memory does not hold a batch of {batch} ({first[:120]}); lower `batch` or `size` in the recipe, "
        "or use workers with more"
    )


def _let_go() -> None:
    """Give freed memory of a GPU back before the second try."""
    import sys

    torch = sys.modules.get("torch")
    if torch is not None and torch.cuda.is_available():
        torch.cuda.empty_cache()
