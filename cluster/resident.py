"""Models that stay in a worker process: loaded once, shared by its threads, given up by least use.

A model is never sent to a worker: what travels is its key and the function that loads it, and whoever does
the work loads it on first use. So a worker that was killed and started again loads it again by itself. An
argument or a scattered object would carry the weights through the scheduler and be lost with the worker that
holds it; an Actor would not come back at all.
"""

from __future__ import annotations

from collections import OrderedDict
from dataclasses import dataclass, field
from threading import Lock
from typing import TYPE_CHECKING, Any, TypeVar

from cluster.errors import NeedUnmet
from cluster.sizes import human

if TYPE_CHECKING:
    from collections.abc import Callable

Model = TypeVar("Model")

SHARE = 0.7
"""Share of a worker's limit that models may take; fuller ones are paused by dask, and tasks wait for ever."""


@dataclass(frozen=True, slots=True)
class Key:
    """Which model: two with equal keys are the same numbers on the same device."""

    model: str
    """Name, or the place of its weights."""
    revision: str = ""
    """What tells one set of weights from another under the same name: a checksum, a commit."""
    dtype: str = "float32"
    device: str = "cpu"

    def __str__(self) -> str:
        return f"{self.model} ({self.dtype} on {self.device})"


@dataclass
class _Place:
    """A model's place in the shelf; the lock is held while it is being loaded."""

    size: int
    lock: Lock = field(default_factory=Lock)
    model: Any = None
    loaded: bool = False


class Shelf:
    """The models of one process.

    Parameters
    ----------
    limit
        Bytes the process may use, of which models may take `SHARE`; None where nothing limits it.
    """

    def __init__(self, limit: int | None) -> None:
        self.limit = limit
        self._places: OrderedDict[Key, _Place] = OrderedDict()
        self._lock = Lock()

    def get(self, key: Key, load: Callable[[], Model], size: int) -> Model:
        """Return the model of a key, loaded by the first who asks.

        Parameters
        ----------
        key
            Which model.
        load
            Makes it; called once, while other threads that ask for the same model wait.
        size
            Its bytes, known before it is loaded.

        Raises
        ------
        NeedUnmet
            If it needs more than `SHARE` of the process's limit.
        """
        check_fits(str(key), size, self.limit)
        with self._lock:
            place = self._places.setdefault(key, _Place(size))
            self._places.move_to_end(key)
            self._make_room()
        with place.lock:
            if not place.loaded:
                try:
                    place.model = load()
                except BaseException:
                    self.forget(key)
                    raise
                place.loaded = True
        model: Model = place.model
        return model

    def _make_room(self) -> None:
        """Give up the models that were asked for longest ago; who still uses one keeps it until then."""
        room = None if self.limit is None else SHARE * self.limit
        while room is not None and len(self._places) > 1 and self.size > room:
            self._places.popitem(last=False)

    @property
    def size(self) -> int:
        """Bytes of the models held."""
        return sum(place.size for place in self._places.values())

    def keys(self) -> list[Key]:
        """Return the keys of the models held, the one used last at the end."""
        return list(self._places)

    def forget(self, key: Key) -> None:
        """Give up one model, if it is held."""
        with self._lock:
            self._places.pop(key, None)


def check_fits(what: str, size: int, limit: int | None) -> None:
    """Refuse a model that would fill a worker.

    Raises
    ------
    NeedUnmet
        Naming both numbers.
    """
    if limit is not None and size > SHARE * limit:
        raise NeedUnmet(
            f"model {what} takes {human(size)}, and models may take {human(SHARE * limit)} of a worker "
            f"({SHARE:.0%} of its limit of {human(limit)}); raise memory or lower workers in [cluster]"
        )


_shelf: Shelf | None = None
_shelf_lock = Lock()


def resident(key: Key, load: Callable[[], Model], size: int) -> Model:
    """Return a model of this process, loaded on first use; see `Shelf.get`."""
    global _shelf  # noqa: PLW0603  (one a process is what it is for)
    with _shelf_lock:
        if _shelf is None:
            _shelf = Shelf(process_limit())
    return _shelf.get(key, load, size)


def process_limit() -> int | None:
    """Return the bytes this process may use: a dask worker's limit, else what the machine has."""
    import sys

    if "distributed" in sys.modules:  # else this process is no dask worker, and need not load dask to know
        from distributed import get_worker

        try:
            limit = get_worker().memory_manager.memory_limit
        except ValueError:  # not on a worker
            pass
        else:
            return int(limit) if limit else None
    from cluster.machine import memory

    return memory()
