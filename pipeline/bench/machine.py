"""What a measurement was made on."""

from __future__ import annotations

import os
import platform
import subprocess
from contextlib import suppress
from pathlib import Path
from typing import Any

import psutil


def machine() -> dict[str, Any]:
    """Return what the machine is: system, CPU, cores, memory."""
    return {
        "system": f"{platform.system()} {platform.release()}",
        "cpu": _cpu(),
        "cores": psutil.cpu_count(),
        "usable_cores": len(psutil.Process().cpu_affinity() or ()) or psutil.cpu_count(),
        "memory_bytes": psutil.virtual_memory().total,
    }


def load() -> float:
    """Return the number of processes that wanted to run, over the last minute."""
    return round(os.getloadavg()[0], 2)


def _cpu() -> str:
    with suppress(OSError):
        for line in Path("/proc/cpuinfo").read_text().splitlines():
            if line.startswith("model name"):
                return line.partition(":")[2].strip()
    return platform.processor() or platform.machine()


def commit() -> str | None:
    """Return the commit of the source tree this runs from; None where it is installed from a wheel."""
    root = Path(__file__).parents[2]
    if not (root / ".git").exists():
        return None
    asked = ["git", "-C", str(root), "describe", "--always", "--dirty", "--abbrev=12"]
    with suppress(OSError, subprocess.CalledProcessError):
        return subprocess.run(asked, capture_output=True, text=True, check=True).stdout.strip()  # noqa: S603
    return None
