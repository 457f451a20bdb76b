"""JSON files that are too large to be held: an object whose arrays are read an item at a time."""

from __future__ import annotations

import codecs
import json
import re
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

LONGEST = 32 * 2**20
"""Characters of text that are held at most; no item of a sane file is as long."""
_BLANKS = re.compile(r"[ \t\r\n]*")
_ENDS = frozenset(" \t\r\n,:]}")
_DECODE = json.JSONDecoder().raw_decode


def json_items(pieces: Iterable[bytes]) -> Iterator[tuple[str, Any]]:
    """Yield (key, item) for each item of each array of a JSON object, and (key, value) of all else in it.

    Parameters
    ----------
    pieces : iterable of bytes
        The file in pieces, in UTF-8; not more than one and an item are held at once.

    Raises
    ------
    ValueError
        If it is no JSON object, is cut, or has an item of more than `LONGEST` characters.
    """
    text = _Text(pieces)
    text.take("{")
    if text.peek() == "}":
        return
    while True:
        key = text.value()
        text.take(":")
        if text.peek() == "[":
            for item in text.array():
                yield key, item
        else:
            yield key, text.value()
        if text.take(",", "}") == "}":
            return


class _Text:
    """Text that is decoded as it is needed, and forgotten once it is read."""

    def __init__(self, pieces: Iterable[bytes]) -> None:
        self.pieces = iter(pieces)
        self.decoder = codecs.getincrementaldecoder("utf-8")()
        self.text = ""
        self.at = 0

    def array(self) -> Iterator[Any]:
        """Yield the items of the array that is next."""
        self.take("[")
        if self.peek() == "]":
            self.at += 1
            return
        while True:
            yield self.value()
            if self.take(",", "]") == "]":
                return

    def value(self) -> Any:
        """Return the value that is next."""
        self.peek()
        while True:
            try:
                value, end = _DECODE(self.text, self.at)
            except json.JSONDecodeError:  # wrong, or cut by the end of the piece
                if not self._more():
                    raise
                continue
            # A number that is cut by the end of the piece is a number too: 0 of "0.5".
            if self.text[end : end + 1] in _ENDS or not self._more():
                self.at = end
                return value

    def take(self, *expected: str) -> str:
        """Read the next character that is no blank, one of those that are expected."""
        found = self.peek()
        if found not in expected:
            raise ValueError(f"found {found!r}, expected {' or '.join(expected)}")
        self.at += 1
        return found

    def peek(self) -> str:
        """Return the next character that is no blank, and stay before it."""
        while True:
            blanks = _BLANKS.match(self.text, self.at)
            assert blanks is not None, "no blank is a match too"
            self.at = blanks.end()
            if self.at < len(self.text):
                return self.text[self.at]
            if not self._more():
                raise ValueError("the text ends in the middle")

    def _more(self) -> bool:
        """Read the next piece; False where there is none."""
        piece = next(self.pieces, None)
        if piece is None:
            self.decoder.decode(b"", final=True)
            return False
        if len(self.text) - self.at > LONGEST:
            raise ValueError(f"an item is longer than {LONGEST} characters")
        self.text, self.at = self.text[self.at :] + self.decoder.decode(piece), 0
        return True
