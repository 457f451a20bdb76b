"""Gzip as it comes: the same bytes as gzip's, in any pieces, and no silence about damage."""

from __future__ import annotations

import gzip
import zlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from storage.errors import Invalid
from storage.inflating import Inflating
from storage.remote import Location

PLACE = Location("/x.gz")


def cut(packed, sizes):
    at = 0
    for size in sizes:
        yield packed[at : at + size]
        at += size
    yield packed[at:]


@given(
    st.lists(st.binary(max_size=3_000), min_size=1, max_size=3),
    st.lists(st.integers(1, 200), max_size=30),
    st.lists(st.integers(0, 900), max_size=12),
)
def test_any_pieces_and_any_members(members, sizes, steps):
    plain, packed = b"".join(members), b"".join(map(gzip.compress, members))
    file, at = Inflating(PLACE, cut(packed, sizes)), 0
    for number, most in enumerate(steps):
        step = min(most, len(plain) - at)
        if number % 3 == 2:
            file.skip(step)
        else:
            assert bytes(file.read(step)) == plain[at : at + step]
        at += step
    assert bytes(file.read(len(plain) - at)) == plain[at:]
    with pytest.raises(Invalid, match="truncated"):
        file.read(1)


def test_the_checksum_is_looked_at():
    packed = bytearray(gzip.compress(b"voxels" * 100))
    file = Inflating(PLACE, [bytes(packed)])
    file.read(600)
    file.finish()
    packed[-6] ^= 1
    file = Inflating(PLACE, [bytes(packed)])
    with pytest.raises(zlib.error):
        file.read(601)
