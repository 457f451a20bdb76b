"""Markers: written, read, and told when they are not what was written."""

from __future__ import annotations

import json

import pytest

from storage.errors import Damaged
from storage.markers import Marker, digest

MARKER = Marker("00001", {"betas/c/1/0": "01234567"}, {"file": "etag"}, 1.5, 3, 2)


def test_a_marker_is_read_as_it_was_written():
    assert Marker.loads(MARKER.dumps(), "here", "00001") == MARKER


@pytest.mark.parametrize(
    "spoilt",
    [
        {"chunks": []},
        {"chunks": {"a": 1}},
        {"chunks": None},
        {"block": 1},
        {"block": "00002"},
        {"sources": ["file"]},
        {"sources": {"file": None}},
        {"seconds": "1"},
        {"seconds": float("nan")},
        {"moved": 1.5},
        {"moved": True},
    ],
)
def test_a_part_of_another_type_is_damage(spoilt):
    text = json.dumps({**json.loads(MARKER.dumps()), **spoilt}).encode()
    with pytest.raises(Damaged, match=r"marker here is damaged; `vox2pix run` recomputes its block"):
        Marker.loads(text, "here", "00001")


@pytest.mark.parametrize("text", [b"", b"{", b"[]", b"3", b"null", b"\xff\xfe\x00", b"[" * 100_000, b"{}"])
def test_a_text_that_is_no_marker_is_damage(text):
    with pytest.raises(Damaged, match="marker here is damaged"):
        Marker.loads(text, "here", "00001")


def test_the_digest_does_not_depend_on_the_order():
    other = Marker("00002", {"betas/c/2/0": "89abcdef"})
    assert digest([MARKER, other]) == digest([other, MARKER]) != digest([MARKER])
