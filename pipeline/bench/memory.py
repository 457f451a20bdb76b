"""How much memory a piece of work takes: the growth of this process' peak."""

from __future__ import annotations

import resource
import sys
from pathlib import Path

_STATUS, _CLEAR = Path("/proc/self/status"), Path("/proc/self/clear_refs")


class Peak:
    """Counts from where it is made.

    Linux remembers a process' largest resident set, and forgets it when it is told to. Where it can't be
    told, the growth of `ru_maxrss` stands in: it is 0 for work that takes less than what came before it.
    """

    def __init__(self) -> None:
        try:
            _CLEAR.write_text("5")  # proc(5): the peak is what is resident now
        except OSError:
            self._resets = False
        else:
            self._resets = True
        self._began = self._peak()

    def growth(self) -> int:
        """Return the bytes by which the peak has grown since."""
        return self._peak() - self._began

    def _peak(self) -> int:
        if self._resets:
            line = next(each for each in _STATUS.read_text().splitlines() if each.startswith("VmHWM:"))
            return 1024 * int(line.split()[1])
        unit = 1 if sys.platform == "darwin" else 1024
        return unit * resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
