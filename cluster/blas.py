"""How many threads the BLAS libraries of a process use.

One thread a task everywhere: sums are then taken in the same order whatever the number of
workers, and slots don't fight for cores. Dask's nanny presets OMP_NUM_THREADS=1 for processes it starts, but
threads of this process and workers started without a nanny know nothing of it, so each task sets it itself.
"""

from __future__ import annotations

from threading import Lock

THREADS = 1
"""BLAS threads a task: on more, sums may be taken in another order, and stored bytes would depend on it."""


def limit(threads: int) -> None:
    """Let every BLAS and OpenMP library loaded in this process use at most so many threads, from now on."""
    from threadpoolctl import threadpool_limits

    threadpool_limits(limits=threads)


class BlasThreads:
    """A limit that remembers what it found, library by library, and can be taken back.

    Libraries loaded after the limit was first set are found by the next `set`; OpenMP keeps its number per
    thread, which is another reason to call `set` in each task.

    Parameters
    ----------
    threads
        Threads a library may use.
    """

    def __init__(self, threads: int) -> None:
        self.threads = threads
        self._before: dict[str, int] = {}
        self._lock = Lock()

    def set(self) -> None:
        """Set the limit on every library that is loaded now."""
        from threadpoolctl import ThreadpoolController

        with self._lock:
            for library in ThreadpoolController().lib_controllers:
                self._before.setdefault(library.filepath, library.num_threads)
                library.set_num_threads(self.threads)

    def restore(self) -> None:
        """Give each library the number it had when it was first seen."""
        from threadpoolctl import ThreadpoolController

        with self._lock:
            for library in ThreadpoolController().lib_controllers:
                if library.filepath in self._before:
                    library.set_num_threads(self._before.pop(library.filepath))
