"""The NVIDIA GPUs of this machine."""

from __future__ import annotations

import os
import shutil
import subprocess


def gpus() -> list[str] | None:
    """Return name and memory of each GPU that the driver lists; None where no driver answers."""
    program = shutil.which("nvidia-smi")
    if program is None:
        return None
    try:
        listed = subprocess.run(  # noqa: S603  (found on PATH, no argument of the user's)
            [program, "--query-gpu=name,memory.total", "--format=csv,noheader"],
            capture_output=True,
            text=True,
            timeout=20,
            check=False,
        )
    except (OSError, subprocess.TimeoutExpired):
        return None
    lines = [line.strip() for line in listed.stdout.splitlines() if line.strip()]
    return lines if listed.returncode == 0 else None


def visible() -> list[str] | None:
    """Return what CUDA_VISIBLE_DEVICES calls the GPUs this process may use; None where there is no driver."""
    found = gpus()
    if found is None:
        return None
    named = os.environ.get("CUDA_VISIBLE_DEVICES")
    if named is None:
        return [str(number) for number in range(len(found))]
    names = [name.strip() for name in named.split(",")]
    return names[: names.index("-1")] if "-1" in names else [name for name in names if name]
