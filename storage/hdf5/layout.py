"""How a dataset lies in its file: shape, type, chunks, filters, and where its index or its bytes begin."""

from __future__ import annotations

import math
import struct
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np

from .filters import read_filters
from .window import UNDEFINED, NotOurs

if TYPE_CHECKING:
    from .headers import Messages
    from .window import Window

SPACE, TYPE, OLD_FILL, FILL, EXTERNAL, LAYOUT, FILTERS = 0x01, 0x03, 0x04, 0x05, 0x07, 0x08, 0x0B
RANK = 32
"""Most axes HDF5 knows."""
_IEEE = {2: (10, 5, 0, 10, 15), 4: (23, 8, 0, 23, 127), 8: (52, 11, 0, 52, 1023)}
"""Where exponent and fraction of a float of so many bytes lie, and its bias (IEEE 754)."""


@dataclass(frozen=True)
class Layout:
    """A dataset's place and form.

    Attributes
    ----------
    shape : tuple of int
        The first axis is called row, the others together place.
    dtype : str
        As numpy spells it.
    chunks : tuple of int, optional
        None where all lies in one run.
    address : int, optional
        The byte where that run, or the root of the chunks' tree, begins; None where nothing was written.
    half : int
        Half the entries of a node of the tree.
    filters : tuple
        (filter, parameter) in the order in which they were applied.
    fill : bytes
        The value of what was never written.
    """

    shape: tuple[int, ...]
    dtype: str
    chunks: tuple[int, ...] | None
    address: int | None
    half: int
    filters: tuple[tuple[int, int], ...]
    fill: bytes

    @property
    def itemsize(self) -> int:
        """Bytes a value."""
        return np.dtype(self.dtype).itemsize

    @cached_property
    def pieces(self) -> tuple[int, ...]:
        """Shape of a chunk; of what lies in one run, a row's."""
        return self.chunks or (1, *self.shape[1:])

    @cached_property
    def grid(self) -> tuple[int, ...]:
        """How many chunks along each axis."""
        return tuple(-(-size // chunk) for size, chunk in zip(self.shape, self.pieces, strict=True))

    @cached_property
    def nbytes(self) -> int:
        """Bytes a chunk, before any filter."""
        return math.prod(self.pieces) * self.itemsize


def read_layout(window: Window, messages: Messages, half: int) -> Layout:
    """Read a dataset's layout from the messages of its header.

    Raises
    ------
    Invalid
        If the messages contradict each other or the size of the file.
    NotOurs
        If its type, filters or index are others than those that we read.
    """
    if EXTERNAL in messages:
        raise NotOurs("data in other files")
    try:
        shape = _shape(messages[SPACE][0])
        dtype = _dtype(messages[TYPE][0])
        filters = read_filters(messages[FILTERS][0]) if FILTERS in messages else ()
        chunks, address = _place(messages[LAYOUT][0], len(shape))
        fill = _fill(messages, np.dtype(dtype).itemsize)
    except (KeyError, IndexError, struct.error):
        raise window.damaged("a dataset's header is cut") from None
    base = None if address is None else window.base + address
    found = Layout(shape, dtype, chunks, base, half, filters, fill)
    _check(window, found)
    return found


def _check(window: Window, found: Layout) -> None:
    if 0 in found.shape or 0 in found.pieces:
        raise window.damaged(f"its dataset has shape {found.shape}")
    if max(math.prod(found.shape), math.prod(found.grid)) * found.itemsize >= 2**62:
        raise window.damaged(f"its dataset claims shape {found.shape}")
    if found.address is None:
        return
    least = math.prod(found.shape) * found.itemsize if found.chunks is None else 24
    if found.address + least > window.stat.size:
        raise window.damaged("it ends before its data do: it is truncated")
    if not found.filters and found.nbytes > window.stat.size:
        raise window.damaged(f"a chunk of it is longer than the file, {found.pieces}")


def _shape(body: bytes) -> tuple[int, ...]:
    version, rank = body[0], body[1]
    if version not in {1, 2}:
        raise NotOurs(f"dataspace version {version}")
    if not 1 <= rank <= RANK:
        raise NotOurs(f"{rank} axes")
    return struct.unpack_from(f"<{rank}Q", body, 8 if version == 1 else 4)


def _dtype(body: bytes) -> str:
    kind, bits = body[0] & 0x0F, int.from_bytes(body[1:4], "little")
    (size,) = struct.unpack_from("<I", body, 4)
    order = "><"[not bits & 1]
    offset, precision = struct.unpack_from("<HH", body, 8)
    if kind == 0 and size in {1, 2, 4, 8} and (offset, precision) == (0, 8 * size):
        return np.dtype(f"{order}{'ui'[bool(bits & 8)]}{size}").str
    plain = kind == 1 and size in _IEEE and not bits & 0x40 and (offset, precision) == (0, 8 * size)
    if plain and struct.unpack_from("<4BI", body, 12) == _IEEE[size]:
        return np.dtype(f"{order}f{size}").str
    raise NotOurs("values that are neither whole numbers nor IEEE floats")


def _place(body: bytes, rank: int) -> tuple[tuple[int, ...] | None, int | None]:
    version, kind = body[0], body[1]
    if version not in {3, 4} or kind not in {1, 2}:
        raise NotOurs(f"layout {kind} of version {version}")
    if kind == 1:
        (address,) = struct.unpack_from("<Q", body, 2)
        return None, None if address == UNDEFINED else address
    if version == 4:
        raise NotOurs("an index of chunks as HDF5 1.10 introduced it")
    if body[2] != rank + 1:
        raise NotOurs(f"chunks of {body[2] - 1} axes")
    (address,) = struct.unpack_from("<Q", body, 3)
    return struct.unpack_from(f"<{rank}I", body, 11), None if address == UNDEFINED else address


def _fill(messages: Messages, size: int) -> bytes:
    """Return the value of what was never written, 0 where none is defined."""
    value = b""
    if FILL in messages:
        body = messages[FILL][0]
        version, flags = body[0], body[1]
        if version == 3:
            value = _sized(body, 2) if flags & 0x20 else b""
        elif version in {1, 2}:
            value = _sized(body, 4) if body[3] or version == 1 else b""
        else:
            raise NotOurs(f"fill value version {version}")
    elif OLD_FILL in messages:
        value = _sized(messages[OLD_FILL][0], 0)
    return value if len(value) == size else bytes(size)


def _sized(body: bytes, at: int) -> bytes:
    (length,) = struct.unpack_from("<I", body.ljust(at + 4, b"\0"), at)
    return body[at + 4 : at + 4 + length]
