"""What lies between a client and the objects of the loopback server: distance, narrow lines, faults."""

from __future__ import annotations

import math
import time
from dataclasses import dataclass
from http import HTTPStatus
from typing import TYPE_CHECKING

from .s3_objects import Refusal

if TYPE_CHECKING:
    from random import Random

    from .http_wire import Reply

#: Seconds that a line may be late and still catch up: what timers are late by.
SLACK = 0.005

#: Shorter waits are not waited: they add up to one that is.
SHORTEST = 0.001


@dataclass(frozen=True)
class Weather:
    """Latency, bandwidth and faults of a server; by default there are none.

    Shares are drawn from a stream seeded by `seed`, in the order in which requests arrive.
    """

    latency: float = 0.0
    """Seconds before a reply begins."""
    rate: float = math.inf
    """Bytes a second over one connection."""
    total_rate: float = math.inf
    """Bytes a second over all connections."""
    refused: float = 0.0
    """Share of requests answered by 503, as S3 does to who asks too often."""
    cut: float = 0.0
    """Share of bodies that break off: the connection closes somewhere before their end."""
    seed: int = 0

    def spoiled(self, reply: Reply, random: Random) -> Reply:
        """Return the reply, or the 503 that is given in its place."""
        if random.random() >= self.refused:
            return reply
        return Refusal(HTTPStatus.SERVICE_UNAVAILABLE, "SlowDown", "Please reduce your request rate.").reply()

    def reach(self, reply: Reply, random: Random) -> int:
        """Return how many bytes of a body are sent: all of them, or fewer where it breaks off."""
        size = len(reply.body)
        return size if reply.status >= 300 or random.random() >= self.cut else int(random.random() * size)


class Pace:
    """How far ahead of time a line is; what is sent at a rate is sent when the line is free."""

    def __init__(self) -> None:
        self._free = 0.0

    def start(self) -> None:
        """Begin a body: time that the line lay idle can't be made up for."""
        self._free = max(self._free, time.monotonic())

    def wait(self, size: int, rate: float) -> float:
        """Return the seconds until `size` more bytes have gone through; few go through at once."""
        now = time.monotonic()
        self._free = max(self._free, now - SLACK) + size / rate
        return self._free - now
