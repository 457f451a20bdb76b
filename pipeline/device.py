"""What a task was placed for: the runner decides, and what computes asks."""

from __future__ import annotations

from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator


@dataclass(frozen=True)
class Device:
    """Where arrays are computed on."""

    name: str = "cpu"
    """ "cpu", "cupy", or "torch:" and one of torch's devices."""
    model: str = ""
    """What the card calls itself."""
    fast_double: bool = False
    """Whether float64 costs no more than twice what float32 does."""
    binding: bool = True
    """Whether networks keep to it too; else they take the fastest that torch finds."""

    @property
    def gpu(self) -> bool:
        """Whether a worker that has a GPU is needed."""
        return self.name != "cpu"


CPU = Device()
"""The processor, whatever there is beside it."""
ANY = Device(binding=False)
"""Arrays on the processor, networks on what is there: no worker says that it has a GPU, or no task asks."""
_IN_USE: ContextVar[Device] = ContextVar("device", default=ANY)


def device_in_use() -> Device:
    """Return the device of the task that asks."""
    return _IN_USE.get()


@contextmanager
def use(device: Device) -> Iterator[None]:
    """Compute on a device inside the context."""
    token = _IN_USE.set(device)
    try:
        yield
    finally:
        _IN_USE.reset(token)
