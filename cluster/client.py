"""Workers behind a dask client, whoever started them."""

from __future__ import annotations

from contextlib import suppress
from dataclasses import dataclass, field
from time import monotonic
from typing import TYPE_CHECKING, Any
from weakref import WeakSet

from distributed import CancelledError, KilledWorker
from distributed.core import RPCClosed
from distributed.scheduler import NoValidWorkerError, NoWorkerError

from cluster.attempt import Outcome, on_worker
from cluster.deaths import Deaths
from cluster.errors import ClusterError, ClusterLost, NeedUnmet
from cluster.members import has_gpu, is_stuck
from cluster.sizes import human

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from distributed import Client, Future

    from cluster.keeper import Keeper

PATIENCE = 60.0
"""Seconds a cluster may be without workers, or a worker paused with nothing running, before we give up."""
NOBODY, NO_GPU = "worker", "worker with a GPU"
"""What may be missing as a whole."""
FETCH = 2.0
"""Seconds an outcome, which is small, may take to arrive before it is asked for again."""
ANSWER = 30.0
"""Seconds a scheduler may take to answer."""


@dataclass
class DaskWorkers:
    """A dask client as `cluster.workers.Workers`.

    Parameters
    ----------
    client
        Connected; neither the default client nor shared.
    kind, address
        Kind of the cluster and address of its scheduler, for messages.
    logs
        Says where the log of a worker of a given name is.
    dashboard
        Link to the dashboard, if there is one.
    keeper
        Who starts workers again, where we started them.
    wait
        Seconds to wait for one that is started again, at least `PATIENCE`.
    """

    client: Client
    kind: str
    address: str
    logs: Callable[[str], str]
    dashboard: str | None = None
    keeper: Keeper | None = None
    wait: float = 0.0
    slots: int = field(init=False)
    memory: int | None = field(init=False)
    ceiling: int | None = field(init=False)
    gpus: int = field(init=False)
    shares: dict[str, float] = field(init=False, default_factory=dict)
    deaths: Deaths = field(init=False)
    _since: dict[str, float] = field(init=False, default_factory=dict)
    _died: int = field(init=False, default=0)
    _for_gpus: WeakSet[Future[Outcome]] = field(init=False, default_factory=WeakSet)

    def __post_init__(self) -> None:
        self.slots = self.gpus = 0
        self.memory = self.ceiling = None
        self._measure(self.workers())
        self.deaths = Deaths(self.client)
        self._topic = f"vox2pix-{self.client.id}"
        self.client.subscribe_topic(self._topic, lambda event: self.shares.update([event[1]]))

    def _measure(self, found: Mapping[str, Any]) -> None:
        """Note what there is; who is gone for a while still counts, since he is started again."""
        workers = found.values()
        limits = [(worker.get("memory_limit") or 0, worker["nthreads"]) for worker in workers]
        known = [(limit, threads) for limit, threads in limits if limit]
        self.slots = max(self.slots, sum(worker["nthreads"] for worker in workers))
        # A worker without a limit takes anything, so there is no ceiling as soon as there is one such worker.
        if known:
            self.ceiling = max(limit for limit, _ in known) if len(known) == len(limits) else None
            self.memory = min(limit // threads for limit, threads in known)
        self.gpus = max(self.gpus, sum(int((one.get("resources") or {}).get("GPU", 0)) for one in workers))

    def workers(self) -> Mapping[str, Any]:
        """Return what the scheduler knows of its workers, by address."""
        scheduler = self.client.scheduler
        if scheduler is None:
            raise self._lost("the connection is closed")
        try:
            info = self.client.sync(scheduler.identity, n_workers=-1, callback_timeout=ANSWER)
        except (OSError, RPCClosed) as error:  # TimeoutError is one of them
            raise self._lost("its scheduler does not answer") from error
        workers: Mapping[str, Any] = info["workers"]
        return workers

    def submit(
        self,
        function: Callable[..., Any],
        *args: Any,
        key: str,
        gpu: bool = False,
        avoid: str = "",
        only: str = "",
    ) -> Future[Outcome]:
        """Submit one call; `avoid` is a wish, `gpu` and `only` are conditions."""
        others = [address for address in self.workers() if address != avoid] if avoid else []
        others = [only] if only else others
        try:
            pending = self.client.submit(
                on_worker,
                function,
                args,
                self._topic,
                key=key,
                pure=False,
                workers=others or None,
                allow_other_workers=bool(others) and not only,
                resources={"GPU": 1} if gpu else None,
            )
        except (OSError, RuntimeError) as error:
            raise self._lost(str(error)) from error
        if gpu:
            self._for_gpus.add(pending)
        return pending

    def members(self, *, gpu: bool = False) -> list[str]:
        """Return the workers' addresses, in an order that stays while they do."""
        workers = sorted(self.workers().items())
        return [address for address, worker in workers if not gpu or has_gpu(worker)]

    def each(self, function: Callable[[], Any]) -> Mapping[str, Any]:
        """Call a function on each worker beside its tasks; what it raises there is returned."""
        names = {address: str(worker["name"]) for address, worker in self.workers().items()}
        try:
            told = self.client.run(function, on_error="return")
        except (OSError, RPCClosed) as error:
            raise self._lost("its scheduler does not answer") from error
        return {names.get(address, address): found for address, found in told.items()}

    def outcome(self, pending: Future[Outcome]) -> Outcome:
        """Return what became of a call that is done.

        Raises
        ------
        ClusterLost
            If it was cancelled, and not by us: the scheduler went away. If no worker came that could do it.
        NeedUnmet
            If all are paused.
        """
        try:
            return self._gathered(pending)
        except ClusterError:
            raise
        except KilledWorker as error:
            last = error.last_worker
            return Outcome(
                error=error,
                worker=last.address,
                name=str(last.name),
                killed=True,
                alone=self.deaths.alone(str(pending.key)),
            )
        except NoWorkerError as error:
            raise self._without(NOBODY, error.timeout) from error
        except NoValidWorkerError as error:
            if error.worker_restrictions:  # a seat among several: who called them together sees who died
                return Outcome(error=error, worker="unknown", name="unknown")
            raise self._without(NO_GPU, error.timeout) from error
        except (CancelledError, OSError) as error:
            if pending.status == "error":
                return Outcome(error=error, worker="unknown", name="unknown")
            raise self._lost("its scheduler went away") from error
        except Exception as error:  # noqa: BLE001  (dask's own failures, such as a module a worker lacks)
            return Outcome(error=error, worker="unknown", name="unknown")

    def _gathered(self, pending: Future[Outcome]) -> Outcome:
        """Fetch an outcome; ask anew where its worker died meanwhile and dask computes it again.

        Dask itself would go on asking the dead worker for minutes. The waits double, so that any outcome
        arrives.
        """
        patience = FETCH
        while pending.status != "error":
            try:
                outcome: Outcome = pending.result(timeout=patience)
            except TimeoutError:
                self.watch()
                patience *= 2
            else:
                self._since.clear()
                return outcome
        raise pending.exception(timeout=ANSWER)  # of its own, not that it has not come in time

    def cancel(self, pending: Sequence[Future[Outcome]]) -> None:
        """Cancel calls, unless there is nobody left to tell."""
        if pending and self.client.status == "running":
            with suppress(OSError, CancelledError):
                self.client.cancel(list(pending), reason="vox2pix gave them up")

    def watch(self) -> None:
        """Raise if there has been no worker, none for tasks on GPUs, or a paused idle one, for a minute."""
        if self.keeper is not None and self.keeper.failure is not None:
            raise self._lost(str(self.keeper.failure))
        workers = self.workers()
        self._measure(workers)
        troubles = {address: worker for address, worker in workers.items() if is_stuck(worker)}
        if not workers:
            troubles[NOBODY] = {}
            if self._one_died():
                self._since.pop(NOBODY, None)
        elif not all(task.done() for task in self._for_gpus) and not any(map(has_gpu, workers.values())):
            troubles[NO_GPU] = {}
        now = monotonic()
        self._since = {address: self._since.get(address, now) for address in troubles}
        for address, since in self._since.items():
            if now - since >= (self._patience if address in (NOBODY, NO_GPU) else PATIENCE):
                raise self._trouble(address, troubles[address])

    def _one_died(self) -> bool:
        """Tell whether one has died since the last look: a task may kill each that comes, unseen."""
        before, self._died = self._died, len(self.deaths)
        return self._died != before

    @property
    def _patience(self) -> float:
        return max(PATIENCE, self.wait)

    def _trouble(self, address: str, worker: Mapping[str, Any]) -> ClusterError:
        if address in (NOBODY, NO_GPU):
            return self._without(address, self._patience)
        return NeedUnmet(
            f"worker {worker['name']} ({address}) has been paused for {PATIENCE:.0f} s: memory is full at "
            f"the limit of {human(worker['memory_limit'])}; raise memory or lower workers in [cluster]. "
            f"Log: {self.log(str(worker['name']))}"
        )

    def _without(self, whom: str, seconds: float) -> ClusterLost:
        told = f" ({self.keeper.told})" if self.keeper is not None and self.keeper.told else ""
        return self._lost(f"it has had no {whom} for {seconds:.0f} s{told}")

    def _lost(self, reason: str) -> ClusterLost:
        return ClusterLost(
            f"the {self.kind!r} cluster at {self.address} was lost: {reason}. "
            "Blocks that are finished are kept; run the same command again once the cluster is back"
        )

    def log(self, name: str) -> str:
        """Say where the log of a worker is."""
        return self.logs(name)
