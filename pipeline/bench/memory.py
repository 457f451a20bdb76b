"""How much memory a process takes: the peak of its resident set, and by how much that has grown."""

from __future__ import annotations

import resource
import sys
from contextlib import suppress
from pathlib import Path

_STATUS, _CLEAR = Path("/proc/self/status"), Path("/proc/self/clear_refs")


def forget() -> None:
    """Let this process' peak begin anew, where the system can: on Linux."""
    with suppress(OSError):
        _CLEAR.write_text("5")  # proc(5): the peak is what is resident now


def peak() -> int:
    """Return the largest resident set of this process, in bytes, since it was told to forget.

    Where it can't forget, since it began.
    """
    with suppress(OSError):
        line = next(each for each in _STATUS.read_text().splitlines() if each.startswith("VmHWM:"))
        return 1024 * int(line.split()[1])
    unit = 1 if sys.platform == "darwin" else 1024
    return unit * resource.getrusage(resource.RUSAGE_SELF).ru_maxrss


class Peak:
    """Counts from where it is made.

    Where a system can't forget an earlier peak, work that takes less than what came before grows by 0.
    """

    def __init__(self) -> None:
        forget()
        self._began = peak()

    def growth(self) -> int:
        """Return the bytes by which the peak has grown since."""
        return peak() - self._began
