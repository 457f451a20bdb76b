"""Many ranges at once, handed over in order: what is fetched and not yet taken stays bounded."""

from __future__ import annotations

import threading
from collections import deque
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING

from .transfer import traffic

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator
    from concurrent.futures import Future

    Read = Callable[[int, int, threading.Event], bytes]

IN_FLIGHT = 128
"""Small requests at once: at 20 to 30 ms some 5,000 a second, what S3 serves of one prefix (AWS: 5,500)."""
AHEAD = 2048
"""Small requests asked for and not yet taken: one tried again for seconds must not stop the others."""
HELD = 64 * 2**20
"""Bytes asked for and not yet taken: 8 requests of 8 MiB."""


def fetched(read: Read, spans: Iterable[tuple[int, int]], most: int = HELD) -> Iterator[bytes]:
    """Yield the bytes of each (start, length) in order; later ones are on their way meanwhile.

    Parameters
    ----------
    read : callable
        Returns the bytes of start and length; its third argument is set when nobody waits any more.
    spans : iterable
        (start, length), each a request.
    most : int
        Bytes asked for and not yet taken.
    """
    given_up, held = threading.Event(), 0
    waiting: deque[tuple[Future[bytes], int]] = deque()
    # What the threads read counts for whoever asked for it.
    pool = ThreadPoolExecutor(IN_FLIGHT, "vox2pix-fetch", traffic.join, (traffic.account,))
    try:
        for start, length in spans:
            while waiting and (held + length > most or len(waiting) >= AHEAD):
                future, size = waiting.popleft()
                yield future.result()
                held -= size
            waiting.append((pool.submit(read, start, length, given_up), length))
            held += length
        while waiting:
            yield waiting.popleft()[0].result()
    finally:
        given_up.set()
        pool.shutdown(cancel_futures=True)
