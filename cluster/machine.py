"""What this machine offers: cores and memory, as far as this process may use them."""

from __future__ import annotations

import os
from pathlib import Path

_CGROUP = Path("/sys/fs/cgroup")


def cores() -> int:
    """Return how many cores this process may use, container quota included."""
    affinity = getattr(os, "sched_getaffinity", None)
    found = len(affinity(0)) if affinity else (os.cpu_count() or 1)
    quota = _numbers(_CGROUP / "cpu.max")
    if len(quota) == 2:
        found = min(found, max(1, quota[0] // quota[1]))
    return found


def memory() -> int:
    """Return the bytes of physical memory this process may use, container limit included."""
    import psutil

    limits = [int(psutil.virtual_memory().total)]
    for name in ("memory.max", "memory/memory.limit_in_bytes"):
        limits += _numbers(_CGROUP / name)[:1]
    return min(limits)


def _numbers(path: Path) -> list[int]:
    """Read the whole numbers of a control file; none where it is absent or says "max"."""
    try:
        return [int(word) for word in path.read_text(encoding="ascii").split()]
    except (OSError, ValueError):
        return []
