"""How long a request is tried again, and how long one waits in between."""

from __future__ import annotations

import random
import threading
import time
from dataclasses import dataclass, field

FIRST, LONGEST = 0.05, 2.0
"""Seconds waited at most after the first failure and after many; each failure doubles them."""


@dataclass
class Patience:
    """Waits of random length that grow with each failure, so that many readers do not come back at once.

    "Full jitter": a wait is drawn evenly from 0 to a limit that doubles (M. Brooker, Exponential Backoff
    and Jitter, AWS Architecture Blog, 2015).

    Attributes
    ----------
    seconds : float
        How long failures are borne in all, since the start or the last progress.
    given_up : threading.Event
        Set when nobody waits for the answer any more.
    """

    seconds: float
    given_up: threading.Event = field(default_factory=threading.Event)
    failures: int = 0
    _since: float = field(default_factory=time.monotonic)

    def progress(self) -> None:
        """Begin anew: something came."""
        self.failures, self._since = 0, time.monotonic()

    def wait(self) -> bool:
        """Wait after a failure; False where it is time to give up."""
        limit = min(LONGEST, FIRST * 2**self.failures)
        self.failures += 1
        if time.monotonic() - self._since >= self.seconds:
            return False
        return not self.given_up.wait(random.uniform(0, limit))  # noqa: S311  (chance, no secret)
