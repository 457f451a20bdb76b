"""Ranges that are fetched together: every byte, in order, and few others."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from storage.ranges import DENSE, DENSE_GAP, GAP, PIECE, WASTE, coalesce, requests

LENGTHS = st.integers(1, 200_000)
GAPS = st.integers(0, 60_000)


def spans(lengths, gaps):
    starts = np.cumsum([0, *(length + gap for length, gap in zip(lengths, gaps, strict=False))])[
        : len(lengths)
    ]
    return starts, starts + np.array(lengths)


@given(st.lists(LENGTHS, min_size=1, max_size=60), st.data())
def test_groups_hold_all_and_waste_little(lengths, data):
    gaps = data.draw(st.lists(GAPS, min_size=len(lengths), max_size=len(lengths)))
    starts, stops = spans(lengths, gaps)
    most = data.draw(st.sampled_from([100_000, PIECE]))
    edges = coalesce(starts, stops, most=most)
    assert edges[0] == 0
    assert edges[-1] == len(starts)
    assert (np.diff(edges) > 0).all()
    read = 0
    for low, high in pairwise(edges.tolist()):
        length = int(stops[high - 1] - starts[low])
        assert length <= most or high == low + 1
        read += length
    wanted = int((stops - starts).sum())
    if wanted <= DENSE * (stops[-1] - starts[0]):
        assert read <= (1 + WASTE) * wanted


def test_close_ranges_are_one_request_and_distant_ones_are_not():
    starts = np.array([0, 30_000, 1_000_000])
    assert coalesce(starts, starts + 20_000).tolist() == [0, 2, 3]
    assert coalesce(starts, starts + 30_000 - GAP - 1).tolist() == [0, 1, 2, 3]
    assert coalesce(starts[:0], starts[:0]).tolist() == [0]


def test_where_a_quarter_of_the_file_is_wanted_gaps_cost_less_than_requests():
    starts = np.arange(100) * 100_000
    stops = starts + 30_000
    assert len(coalesce(starts, stops)) == 101
    assert len(coalesce(starts, stops, whole=13_000_000)) == 101
    edges = coalesce(starts, stops, whole=12_000_000)
    assert edges.tolist() == [0, 84, 100]  # pieces of 8 MiB
    wide = np.where(np.arange(100) < 50, starts, starts + DENSE_GAP)
    assert coalesce(wide, wide + 30_000, whole=12_000_000).tolist() == [0, 50, 100]


@given(st.lists(st.tuples(st.integers(0, 100), st.integers(0, 30)), max_size=8), st.integers(1, 12))
def test_long_spans_are_cut(given_spans, most):
    asked = list(requests(given_spans, most))
    assert all(length <= most for _, length, _ in asked)
    assert sum(last for _, _, last in asked) == len(given_spans)
    wanted = [at for start, length in given_spans for at in range(start, start + length)]
    assert [at for start, length, _ in asked for at in range(start, start + length)] == wanted
