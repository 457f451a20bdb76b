"""Chunk and block arithmetic: integers in, integers out."""

from __future__ import annotations

from itertools import pairwise, product
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence


def even_edges(size: int, step: int) -> tuple[int, ...]:
    """Return the edges of blocks of `step`, the last one as short as it must be.

    >>> even_edges(10, 4)
    (0, 4, 8, 10)
    """
    if size < 0 or step < 1:
        raise ValueError(f"even_edges needs size >= 0 and step >= 1, found {size} and {step}")
    return (*range(0, size, step), size) if size else (0,)


def triangle_edges(size: int, bands: int, chunk: int) -> tuple[int, ...]:
    """Return edges that cut a lower triangle into bands of about equal area, on whole chunks.

    Band k of an n x n lower triangle ends at row n * sqrt((k + 1) / bands).

    >>> triangle_edges(1000, 4, 100)
    (0, 500, 700, 900, 1000)
    """
    ideal = (size * ((k + 1) / bands) ** 0.5 for k in range(bands - 1))
    inner = {min(size, round(edge / chunk) * chunk) for edge in ideal}
    return (0, *sorted(inner - {0, size}), size)


def spans(edges: Sequence[int]) -> list[tuple[int, int]]:
    """Return the (start, stop) of each block between consecutive edges."""
    return list(pairwise(edges))


def misaligned(edges: Sequence[int], chunk: int) -> list[int]:
    """Return the inner edges that cut a chunk in two; two tasks would write that chunk."""
    return [edge for edge in edges[1:-1] if edge % chunk]


def chunk_indices(
    dims: Sequence[str],
    shape: Sequence[int],
    chunks: Sequence[int],
    region: Mapping[str, tuple[int, int]],
) -> Iterator[tuple[int, ...]]:
    """Yield the grid index of every chunk that a region of an array touches.

    Parameters
    ----------
    dims, shape, chunks
        Names, sizes and chunk sizes of the array's dimensions.
    region
        Start and stop by dimension name; dimensions not named are taken whole.
    """
    axes = []
    for dim, size, chunk in zip(dims, shape, chunks, strict=True):
        start, stop = region.get(dim, (0, size))
        axes.append(range(start // chunk, -(-stop // chunk)))
    return product(*axes)


def chunk_name(index: Sequence[int]) -> str:
    """Return the key of a chunk below its array, in Zarr v3's default encoding.

    >>> chunk_name((3, 0))
    'c/3/0'
    """
    return "/".join(("c", *map(str, index)))
