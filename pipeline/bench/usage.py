"""What a process has used, as it tells itself: asked of each worker before and after its work."""

from __future__ import annotations

import os
import sys
import time
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from .memory import forget, peak

if TYPE_CHECKING:
    from collections.abc import Iterator

_IO = Path("/proc/self/io")


@dataclass(frozen=True)
class Usage:
    """What one process has used."""

    process: int
    """Its number: another one belongs to a worker that was started again."""
    cpu: float
    """Seconds, since it began."""
    read: int
    """Bytes read from files since it began, from the page cache too; 0 where the system does not count."""
    peak: int
    """Largest resident set since `begun`, in bytes."""
    device: int | None
    """Most bytes that torch and CuPy held on GPUs since `begun`; None where neither has used one."""


def begun() -> Usage:
    """Let the peaks of this process begin anew, and return what it has used so far."""
    forget()
    for torch in _loaded("torch"):
        torch.cuda.reset_peak_memory_stats()
    return used()


def used() -> Usage:
    """Return what this process has used."""
    return Usage(os.getpid(), time.process_time(), _read(), peak(), _device())


def _read() -> int:
    with suppress(OSError, ValueError, IndexError):  # proc(5): the first line is rchar
        return int(_IO.read_text().split()[1])
    return 0


def _device() -> int | None:
    held = [
        *(
            torch.cuda.max_memory_reserved(number)
            for torch in _loaded("torch")
            for number in range(torch.cuda.device_count())
        ),
        *(cupy.get_default_memory_pool().total_bytes() for cupy in _loaded("cupy")),
    ]
    return sum(held) if held else None


def _loaded(library: str) -> Iterator[Any]:
    """Yield torch or CuPy where the process' own work has loaded it and uses a GPU: asking loads neither."""
    module: Any = sys.modules.get(library)
    cuda = getattr(module, "cuda", None)
    if cuda is not None and (cuda.is_initialized() if library == "torch" else cuda.is_available()):
        yield module
