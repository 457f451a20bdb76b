"""Items of large JSON files, against json reading the same text at once."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from storage.sources.nsd import json_stream
from storage.sources.nsd.json_stream import json_items

plain = st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text()
nested = st.recursive(
    plain,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=5,
)
documents = st.dictionaries(st.text(), st.lists(nested, max_size=5) | nested, max_size=5)


def pieces(content: bytes, size: int) -> list[bytes]:
    return [content[at : at + size] for at in range(0, len(content), size)]


@given(documents, st.integers(1, 20), st.sampled_from([None, 1]), st.booleans())
def test_every_item(document, size, indent, ascii_only):
    content = json.dumps(document, indent=indent, ensure_ascii=ascii_only).encode("utf-8", "surrogatepass")
    content = content.decode("utf-8", "replace").encode()
    expected = [
        pair
        for key, value in json.loads(content).items()
        for pair in ([(key, item) for item in value] if isinstance(value, list) else [(key, value)])
    ]
    assert list(json_items(pieces(content, size))) == expected


@given(st.data(), st.integers(1, 9))
def test_what_is_cut_is_told(data, size):
    content = (
        b'{"info": {"a": 1}, "annotations": [{"id": 1, "caption": "x"}, {"id": 2, "caption": "\xc3\xbc"}]}'
    )
    end = data.draw(st.integers(0, len(content) - 1))
    with pytest.raises(ValueError):  # noqa: PT011  (its subclasses, for text and for JSON)
        list(json_items(pieces(content[:end], size)))


@pytest.mark.parametrize(
    "content", [b"[1]", b'{"a" 1}', b'{"a": [1 2]}', b'{"a": 1]', b'{"a": tru}', b'{"a": "\xff"}']
)
def test_what_is_no_object_of_arrays(content):
    with pytest.raises(ValueError):  # noqa: PT011
        list(json_items([content]))


def test_an_endless_item_is_not_held(monkeypatch):
    monkeypatch.setattr(json_stream, "LONGEST", 1000)
    read = []

    def endless():
        yield b'{"a": ["'
        while True:
            read.append(1)
            yield b"x" * 100

    with pytest.raises(ValueError, match="longer than"):
        list(json_items(endless()))
    assert len(read) < 20
