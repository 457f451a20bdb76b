"""Chunk and block arithmetic."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from storage.chunks import chunk_indices, even_edges, misaligned, spans, triangle_edges


@given(st.integers(0, 10_000), st.integers(1, 500))
def test_even_edges_cover_everything_once(size, step):
    blocks = spans(even_edges(size, step))
    assert [number for start, stop in blocks for number in range(start, stop)] == list(range(size))
    assert all(0 < stop - start <= step for start, stop in blocks)


@pytest.mark.parametrize(("size", "step"), [(-1, 4), (3, 0)])
def test_even_edges_refuse_nonsense(size, step):
    with pytest.raises(ValueError, match="even_edges needs"):
        even_edges(size, step)


@given(st.integers(1, 20_000), st.integers(1, 16), st.sampled_from([1, 64, 128]))
def test_bands_lie_on_chunks_and_share_the_area(size, bands, chunk):
    edges = triangle_edges(size, bands, chunk)
    assert edges[0] == 0
    assert edges[-1] == size
    assert list(edges) == sorted(set(edges))
    assert misaligned(edges, chunk) == []
    if size > 4 * bands * chunk:
        areas = np.diff(np.square(np.array(edges, float)))
        # an edge moves by half a chunk at most, at the band that is widest for its height
        assert areas.max() <= size**2 / bands + 2 * size * chunk


def test_misaligned_names_the_edges_that_cut_a_chunk():
    assert misaligned((0, 4, 6, 9), 4) == [6]


@given(st.data())
def test_chunk_indices_are_the_chunks_a_region_touches(data):
    shape = data.draw(st.tuples(st.integers(1, 30), st.integers(1, 30)))
    chunks = data.draw(st.tuples(st.integers(1, 9), st.integers(1, 9)))
    start = data.draw(st.integers(0, shape[0] - 1))
    stop = data.draw(st.integers(start + 1, shape[0]))
    found = set(chunk_indices(("a", "b"), shape, chunks, {"a": (start, stop)}))
    expected = {
        (row // chunks[0], column // chunks[1]) for row in range(start, stop) for column in range(shape[1])
    }
    assert found == expected
