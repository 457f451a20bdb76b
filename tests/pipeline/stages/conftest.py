"""Memory that a stage takes, measured in a process of its own."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[3]


@pytest.fixture(scope="module")
def grown(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> dict[str, tuple[int, int]]:
    """Return the bytes that memory grew by in each case of a test's file, and those told beforehand.

    The file is run as a script, in a process of its own, and writes a line a case.
    """
    one_thread = dict.fromkeys(("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS"), "1")
    freed_at_once = {"MALLOC_MMAP_THRESHOLD_": "100000"}  # or what one case leaves would serve the next
    said = subprocess.run(
        [sys.executable, str(request.path), str(tmp_path_factory.mktemp("memory"))],
        check=True,
        capture_output=True,
        text=True,
        env={**os.environ, **one_thread, **freed_at_once, "PYTHONPATH": str(ROOT)},
    )
    lines = (line.split() for line in said.stdout.splitlines())
    return {case: (int(found), int(told)) for case, found, told in lines}
