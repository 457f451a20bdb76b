"""What every kind of cluster offers to `dispatch`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Protocol

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from cluster.attempt import Outcome


class Pending(Protocol):
    """A submitted task, such as the futures of `concurrent.futures` and of dask."""

    def add_done_callback(self, fn: Callable[[Any], object], /) -> object:
        """Call a function with this object, from any thread, once it is done, failed or cancelled."""
        ...


class Workers(Protocol):
    """Those who work: a fixed number of slots, each doing one task at a time.

    Attributes
    ----------
    kind
        The kind of cluster ("threads", "local", "address").
    slots
        Tasks that run at the same time.
    memory
        Bytes one slot may use while all are busy; None where the cluster sets no limit.
    ceiling
        Bytes the largest single task may use; None where the cluster sets no limit.
    gpus
        Number of GPU slots.
    dashboard
        Link to the dashboard, if there is one.
    shares
        How much of tasks is done, by their keys, as far as they say so.
    """

    @property
    def kind(self) -> str: ...  # noqa: D102 (described above)
    @property
    def slots(self) -> int: ...  # noqa: D102
    @property
    def memory(self) -> int | None: ...  # noqa: D102
    @property
    def ceiling(self) -> int | None: ...  # noqa: D102
    @property
    def gpus(self) -> int: ...  # noqa: D102
    @property
    def dashboard(self) -> str | None: ...  # noqa: D102
    @property
    def shares(self) -> dict[str, float]: ...  # noqa: D102

    def submit(
        self,
        function: Callable[..., Any],
        *args: Any,
        key: str,
        gpu: bool = False,
        avoid: str = "",
        only: str = "",
    ) -> Pending:
        """Submit one call under a key never used before, rather not on the worker to avoid."""
        ...

    def members(self, *, gpu: bool = False) -> Sequence[str]:
        """Return the addresses of the worker processes that are there now."""
        ...

    def each(self, function: Callable[[], Any]) -> Mapping[str, Any]:
        """Call a function once on each worker and return what it returned or raised, by the worker's name."""
        ...

    def outcome(self, pending: Any) -> Outcome:
        """Return what became of a task that is done; raise `ClusterLost` if nobody can tell."""
        ...

    def cancel(self, pending: Sequence[Any]) -> None:
        """Give up tasks; those that run already may run to their end."""
        ...

    def watch(self) -> None:
        """Raise a `ClusterError` if waiting any longer is in vain."""
        ...

    def log(self, name: str) -> str:
        """Say where the log of the worker of this name is."""
        ...
