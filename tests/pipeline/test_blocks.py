"""Tasks: blocks are computed and stored; those of a source are read while others are stored."""

from __future__ import annotations

import weakref
from threading import Event

import numpy as np
import pytest

from pipeline.blocks import Work, write_blocks
from pipeline.stage import block_of, lazily
from pipeline.step import Origin
from storage.chunks import even_edges
from storage.errors import Unreachable
from storage.product import Product
from storage.remarks import remarks
from storage.remote import Location
from storage.schema import Schema, Variable
from storage.transfer import traffic

SCHEMA = Schema({"square": Variable(("row",), "int64", "1", "square", chunks={"row": 2})}, block="row")
ABOUT = {"stage": "ingest", "version": 1, "settings": {}, "inputs": {}}
LONG = 20
"""Seconds that are waited for what must come, so that a test fails rather than hangs."""


class Source:
    """A source that is asked, once a block was read, whether its files are as they were."""

    def __init__(self, asked) -> None:
        self.asked = asked

    def restamp(self, subject, product, names):
        """Tell that it was asked; nothing has changed."""
        self.asked(subject, product)
        return dict.fromkeys(names, "etag")


@pytest.fixture
def made(tmp_path):
    """Return a function that stores three blocks as one task, and the product."""
    product = Product(Location.of(tmp_path), "subj01", "squares", "0" * 64)

    def make(compute, asked, *, early=True):
        dataset = lazily(SCHEMA, {"row": 6}, compute, edges=even_edges(6, 2))
        product.create(dataset, SCHEMA, ABOUT)
        maker, stamps = block_of(dataset), {"file": "etag"}
        work = [Work(block, span, maker, stamps) for block, span in enumerate(product.blocks())]
        return write_blocks(product, work, Origin(Source(asked), "subj01", "betas"), early=early)

    return make, product


def _squares(start, stop):
    return {"square": np.arange(start, stop) ** 2}


def test_the_next_block_is_read_before_one_is_stored(made):
    make, product = made
    begun, waited = Event(), []

    def compute(start, stop):
        if start == 2:
            begun.set()
        return _squares(start, stop)

    make(compute, lambda *_: waited.append(begun.wait(LONG)))
    assert waited == [True] * 3
    np.testing.assert_array_equal(product.open(partial=True).square.values, np.arange(6) ** 2)


def test_else_blocks_are_made_one_after_the_other(made):
    make, _ = made
    happened = []

    def compute(start, stop):
        happened.append(start)
        return _squares(start, stop)

    make(compute, lambda *_: happened.append("stored"), early=False)
    assert happened == [0, "stored", 2, "stored", 4, "stored"]


@pytest.mark.parametrize("early", [True, False])
def test_no_block_is_held_once_it_was_stored(made, early):
    make, _ = made
    held = []

    def compute(start, stop):
        # read ahead, the block before is still being stored
        held.append([one() is not None for one in alive[: -1 if early else None]])
        found = _squares(start, stop)
        alive.append(weakref.ref(found["square"]))
        return found

    alive = []
    make(compute, lambda *_: None, early=early)
    assert not any(any(each) for each in held)
    assert len(alive) == 3


def test_bytes_requests_and_notes_are_those_of_each_block(made):
    make, product = made

    def compute(start, stop):
        for _ in range(start):
            traffic.count(10)
        remarks.notes.append(f"from {start}")
        return _squares(start, stop)

    remarks.notes.append("of somebody else")
    found = make(compute, lambda *_: None)
    assert [(one.moved, one.requests, one.notes) for one in found] == [
        (10 * start, start, (f"from {start}",)) for start in (0, 2, 4)
    ]
    markers = [product.marker(f"{number:05d}") for number in range(3)]
    assert [(one.moved, one.requests) for one in markers] == [(0, 0), (20, 2), (40, 4)]


def test_what_was_read_before_a_failure_is_kept(made):
    make, product = made

    def compute(start, stop):
        if start == 4:
            raise Unreachable("gone")
        return _squares(start, stop)

    with pytest.raises(Unreachable, match="gone"):
        make(compute, lambda *_: None)
    assert product.missing() == [2]
