"""Fingerprints: equal meanings are equal, others are not."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from storage.fingerprint import canonical, fingerprint, is_fingerprint

plain = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(2**40), 2**40)
    | st.floats(allow_nan=False)
    | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=5), inner, max_size=4),
    max_leaves=12,
)


def test_numbers_lose_how_they_were_written():
    assert fingerprint({"alpha": 60000}) == fingerprint({"alpha": 6e4}) == fingerprint({"alpha": 60000.0})


def test_true_is_not_one():
    assert fingerprint(True) != fingerprint(1)


@given(st.dictionaries(st.text(max_size=5), plain, max_size=5))
def test_order_of_keys_does_not_matter(mapping):
    assert fingerprint(mapping) == fingerprint(dict(reversed(mapping.items())))


@given(plain, plain)
def test_equal_fingerprints_mean_equal_values(first, second):
    assert (fingerprint(first) == fingerprint(second)) == (repr(canonical(first)) == repr(canonical(second)))


@given(plain)
def test_a_fingerprint_looks_like_one(value):
    assert is_fingerprint(fingerprint(value))


def test_infinity_can_be_said():
    assert fingerprint(float("inf")) != fingerprint(float("-inf"))


def test_arrays_are_refused():
    with pytest.raises(TypeError, match="plain values"):
        fingerprint(object())
