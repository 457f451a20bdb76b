"""Host to GPU by two pinned buffers: a block travels while the one before it is worked on.

Two slots, each a pinned host buffer and a device buffer. The reading thread fills a slot and starts its copy
on a stream of its own; the computing stream waits for that copy by an event, and the next copy into the slot
waits, by another event, for what was computed from it. Neither waits for the host.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from ..ahead import ahead

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from .namespace import Array

SLOTS = 2


class Slot:
    """A pinned buffer and a device buffer of the same size."""

    def __init__(self) -> None:
        self.size = 0
        self.pinned: Any = None
        self.device: Any = None
        self.arrived: Any = None
        self.used: Any = None

    def fill(self, block: np.ndarray[Any, Any], stream: Any) -> Array:
        """Start copying a block to the device, and return where it will be."""
        import cupy

        if self.arrived is not None:
            self.arrived.synchronize()  # the pinned half is free again
        if block.nbytes > self.size:
            if self.used is not None:
                self.used.synchronize()
            self.size = block.nbytes
            self.pinned, self.device = cupy.cuda.alloc_pinned_memory(self.size), cupy.empty(self.size, "u1")
        there = np.frombuffer(self.pinned, block.dtype, block.size).reshape(block.shape)
        there[...] = block
        target = self.device[: block.nbytes].view(block.dtype).reshape(block.shape)
        if self.used is not None:
            stream.wait_event(self.used)
        target.set(there, stream=stream)
        self.arrived = stream.record()
        return target


def uploaded(blocks: Iterable[np.ndarray[Any, Any]]) -> Iterator[Array]:
    """Yield blocks on the GPU, each valid until the next is asked for."""
    import cupy

    stream, slots = cupy.cuda.Stream(non_blocking=True), [Slot() for _ in range(SLOTS)]

    def filled() -> Iterator[tuple[Slot, Array]]:
        for number, block in enumerate(blocks):
            slot = slots[number % SLOTS]
            yield slot, slot.fill(block, stream)

    for slot, block in ahead(filled()):
        computing = cupy.cuda.get_current_stream()
        computing.wait_event(slot.arrived)
        yield block
        slot.used = computing.record()  # `ahead` fills this slot anew only after this
    stream.synchronize()
