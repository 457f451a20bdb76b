"""Files of MATLAB 5 to 7, looked through before scipy reads them.

scipy follows what tags say: one of a type that MATLAB does not know ends the process. The layout is that of
MathWorks, MAT-File Format (R2023b), chapter 1.
"""

from __future__ import annotations

import math
import struct
import zlib
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Collection

HEADER, TAG = 128, 8
"""Bytes of a file's header, and of an element's tag."""
MATRIX, COMPRESSED = 14, 15
"""Types of elements."""
TEXT, WHOLE = frozenset({1, 16}), frozenset({5, 6})
"""Types of names, and of whole numbers: int8 and int32, for which some write UTF-8 and uint32."""
WIDTH = {1: 1, 2: 1, 3: 2, 4: 2, 5: 4, 6: 4, 7: 4, 9: 8, 12: 8, 13: 8, 16: 1, 17: 2, 18: 4}
"""Bytes of a value, by the type of an element that holds values."""
CELL, STRUCT, OBJECT, CHAR, SPARSE, FUNCTION, OPAQUE = 1, 2, 3, 4, 5, 16, 17
NUMBERS = range(6, 16)
"""Classes of matrices."""
COMPLEX = 0x0800
DIMS, DEEPEST = 32, 64
"""Most dimensions, and matrices within each other, that are followed."""
FIRST = 2**16
"""Bytes of a packed matrix that are inflated to see whether its numbers are all that comes."""


def check(content: Any) -> None:
    """Look through a file's tags; one of MATLAB 4, whose reader checks them itself, passes.

    Parameters
    ----------
    content : bytes or mmap
        The file.

    Raises
    ------
    ValueError
        If an element is of no known type or class, or its sizes contradict each other or the file's.
    zlib.error
        If a packed matrix is damaged.
    """
    if len(content) < HEADER or 0 in content[:4]:  # as scipy tells MATLAB 4
        return
    at, order = HEADER, "<" if content[126:128] == b"IM" else ">"
    while at < len(content):
        kind, size = struct.unpack(f"{order}2I", _cut(content, at, TAG))
        at += TAG
        if kind == COMPRESSED:
            _check_packed(_cut(content, at, size), order)
        elif kind == MATRIX:
            _Walk(content, order, at, _end(content, at, size)).matrix()
        else:
            raise ValueError(f"an element at byte {at - TAG} is of type {kind}, expected a matrix")
        at += size


def _cut(content: Any, at: int, size: int) -> bytes:
    found: bytes = content[at : _end(content, at, size)]
    return found


def _end(content: Any, at: int, size: int) -> int:
    if at + size > len(content):
        raise ValueError(f"an element at byte {at} is longer than what is left: it is truncated")
    return at + size


def _check_packed(packed: bytes, order: str) -> None:
    """Check a packed matrix; of numbers that are not complex only what stands before them is inflated."""
    inflate = zlib.decompressobj()
    content = inflate.decompress(packed, FIRST)
    kind, size = struct.unpack(f"{order}2I", _cut(content, 0, TAG))
    if kind != MATRIX:
        raise ValueError(f"a packed element is of type {kind}, expected a matrix")
    walk = _Walk(content, order, TAG, TAG + size)
    if len(content) < TAG + size and not walk.plain():
        content += inflate.decompress(inflate.unconsumed_tail, TAG + size - len(content))
        walk = replace(walk, content=content)
    walk.matrix()


@dataclass
class _Walk:
    """A walk over a matrix' elements, from byte to byte; `content` may end where numbers have begun."""

    content: Any
    order: str
    at: int
    end: int
    depth: int = 0

    def plain(self) -> bool:
        """Tell whether the matrix is one run of numbers or characters."""
        flags = self.numbers(self.at + TAG, 1)[0]
        return not flags & COMPLEX and (flags & 0xFF in NUMBERS or flags & 0xFF == CHAR)

    def matrix(self) -> None:
        """Check the matrix and those in it, and that they end where it does."""
        if self.at < self.end:  # an empty cell may have nothing at all
            self._matrix()
        if self.at != self.end:
            raise ValueError(f"a matrix ends at byte {self.at}, and should at {self.end}")

    def _matrix(self) -> None:
        at, size = self.element(WHOLE, "flags")
        if size != TAG:
            raise ValueError(f"the flags at byte {at} have {size} bytes, expected {TAG}")
        flags = self.numbers(at, 1)[0]
        kind, parts = flags & 0xFF, 2 if flags & COMPLEX else 1
        if kind == OPAQUE:
            return self.opaque()
        count = self.shape()
        self.element(TEXT, "a name")
        if kind in NUMBERS:
            for _ in range(parts):
                self.values(count)
        elif kind in {CHAR, SPARSE}:
            for _ in range(1 if kind == CHAR else 2 + parts):
                self.element(WIDTH, "values")
        elif kind in {CELL, FUNCTION}:
            self.inner(count if kind == CELL else 1)
        elif kind in {STRUCT, OBJECT}:
            self.fields(count, named=kind == OBJECT)
        else:
            raise ValueError(f"a matrix at byte {at} is of class {kind}, which MATLAB does not know")
        return None

    def element(self, kinds: Collection[int], what: str) -> tuple[int, int]:
        """Return where the next element's values begin and how many bytes they have, and pass it."""
        first, size = self.numbers(self.at, 2)
        start, kind, step = self.at + TAG, first, TAG + -(-size // TAG) * TAG
        if first >> 16:  # small: type, size and values in one tag
            start, kind, size, step = self.at + 4, first & 0xFFFF, first >> 16, TAG
        if kind not in kinds:
            raise ValueError(f"type {kind} of {what} at byte {self.at} is none that MATLAB writes there")
        if start + size > min(self.at + step, self.end):
            raise ValueError(f"{what} at byte {self.at} cannot have {size} bytes")
        self.at = min(self.at + step, self.end)
        return start, size

    def numbers(self, at: int, count: int) -> tuple[int, ...]:
        """Return unsigned numbers of 32 bits, which must lie in the matrix."""
        if at + 4 * count > min(self.end, len(self.content)):
            raise ValueError(f"a matrix ends at byte {self.end}, too early: it is truncated")
        return struct.unpack_from(f"{self.order}{count}I", self.content, at)

    def shape(self) -> int:
        """Return how many entries the matrix has, by its dimensions."""
        at, size = self.element(WHOLE, "dimensions")
        dims = self.numbers(at, size // 4)
        if not 2 <= len(dims) <= DIMS or max(dims) >= 2**31 or math.prod(dims) >= 2**48:
            raise ValueError(f"dimensions at byte {at} cannot be {dims}")
        return math.prod(dims)

    def values(self, count: int) -> None:
        """Check as many values as there are entries."""
        at, before = self.at, self.numbers(self.at, 1)[0]
        _, size = self.element(WIDTH, "numbers")
        width = WIDTH[before & 0xFFFF]
        if size != count * width:
            raise ValueError(f"numbers at byte {at} have {size} bytes, expected {count * width}")

    def opaque(self) -> None:
        """Check a value of a class that only MATLAB knows: three names and a matrix."""
        for _ in range(3):
            self.element(TEXT, "a name")
        self.inner(1)

    def inner(self, count: int) -> None:
        """Check so many matrices."""
        if self.depth == DEEPEST or count > (self.end - self.at) // TAG:
            raise ValueError(f"{count} matrices at byte {self.at} are more than fit")
        for _ in range(count):
            kind, size = self.numbers(self.at, 2)
            start = self.at + TAG
            if kind != MATRIX or start + size > self.end:
                raise ValueError(f"an element of type {kind} at byte {self.at} is no matrix that fits")
            _Walk(self.content, self.order, start, start + size, self.depth + 1).matrix()
            self.at = start + size

    def fields(self, count: int, *, named: bool) -> None:
        """Check a struct's fields."""
        if named:
            self.element(TEXT, "a name")
        at, size = self.element(WHOLE, "the length of names")
        length = self.numbers(at, 1)[0] if size == 4 else 0
        at, size = self.element(TEXT, "names")
        if not length or size % length:
            raise ValueError(f"names at byte {at} cannot have {length} bytes each")
        self.inner(count * (size // length))
