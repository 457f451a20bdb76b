"""Workers that are threads of this process: nothing to start, and nothing of dask is loaded."""

from __future__ import annotations

from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import partial
from threading import Event, current_thread
from typing import TYPE_CHECKING, Any

from cluster.attempt import Outcome, attempt
from cluster.blas import THREADS, BlasThreads
from cluster.errors import ClusterConfigError, ClusterLost
from cluster.machine import cores, memory
from cluster.telling import telling
from cluster.wanted import answering

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence

    from cluster.kinds import Threads


@dataclass(frozen=True)
class ThreadWorkers:
    """A pool of threads, see `cluster.workers.Workers`."""

    pool: ThreadPoolExecutor
    blas: BlasThreads
    slots: int
    ceiling: int
    kind: str = "threads"
    gpus: int = 0
    dashboard: None = None
    closed: Event = field(default_factory=Event)
    shares: dict[str, float] = field(default_factory=dict)

    @property
    def memory(self) -> int:
        """Bytes a slot may use while all are busy: nothing but arithmetic keeps threads apart."""
        return self.ceiling // self.slots

    def submit(
        self,
        function: Callable[..., Any],
        *args: Any,
        key: str,
        gpu: bool = False,
        avoid: str = "",
        only: str = "",
    ) -> Future[Outcome]:
        """Submit one call; all threads are alike, so there is none to avoid."""
        del gpu, avoid, only
        tell = partial(self.shares.__setitem__, key)
        try:
            return self.pool.submit(_in_thread, self.closed, self.blas, function, args, tell)
        except RuntimeError as error:
            raise ClusterLost(f"the threads are closed ({error}); dispatch inside the connection") from error

    def members(self, *, gpu: bool = False) -> list[str]:
        """Threads share one process: there is but one that could work with others."""
        return [] if gpu else ["thread://127.0.0.1"]

    def each(self, function: Callable[[], Any]) -> Mapping[str, Any]:
        """Call a function in this process, which is that of all threads."""
        return {"this process": function()}

    def outcome(self, pending: Future[Outcome]) -> Outcome:
        """Return what became of a call that is done."""
        return pending.result()

    def cancel(self, pending: Sequence[Future[Outcome]]) -> None:
        """Cancel the calls that wait; one that runs runs to its end."""
        for one in pending:
            one.cancel()

    def watch(self) -> None:
        """Threads of this process can't go away."""

    def log(self, name: str) -> str:
        """Threads write where this process writes."""
        return f"what this process wrote (thread {name})"


def _in_thread(
    closed: Event,
    blas: BlasThreads,
    function: Callable[..., Any],
    args: tuple[Any, ...],
    tell: Callable[[float], object],
) -> Outcome:
    blas.set()
    name = current_thread().name
    with answering(lambda: not closed.is_set()), telling(tell):
        return attempt(function, args, name, name)


@contextmanager
def connect_threads(config: Threads) -> Iterator[ThreadWorkers]:
    """Keep a pool of threads, and the BLAS limit, for the life of the context."""
    slots = (config.workers or cores()) * config.threads
    try:
        pool = ThreadPoolExecutor(slots, **{"thread_name_prefix": "worker", **config.options})
    except TypeError as error:
        raise ClusterConfigError(f"cluster options of 'threads': {error}") from error
    blas = BlasThreads(THREADS)
    blas.set()
    workers = ThreadWorkers(pool, blas, slots, config.memory_bytes or memory())
    try:
        yield workers
    except BaseException as error:
        workers.closed.set()
        # Ctrl-C is to be prompt: threads can't be stopped, so running calls are left to end by themselves.
        pool.shutdown(wait=isinstance(error, Exception), cancel_futures=True)
        raise
    finally:
        pool.shutdown(wait=False, cancel_futures=True)
        blas.restore()
