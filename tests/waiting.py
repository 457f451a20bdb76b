"""How tests wait: for something to be there, and not for ever."""

from __future__ import annotations

import time

PATIENCE = 280
"""Seconds: machines that run tests may be busy, and a test is stopped after 300."""


def until(there, process=None, seconds=PATIENCE):
    """Wait until it is `there`, and fail where a process that is to bring it has ended."""
    deadline = time.monotonic() + seconds
    while not there():
        assert time.monotonic() < deadline, f"not within {seconds} s"
        assert process is None or process.poll() is None, process.communicate()
        time.sleep(0.1)  # looking costs a busy machine time
