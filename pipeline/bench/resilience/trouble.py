"""Who does harm while some stages are at work."""

from __future__ import annotations

from contextlib import AbstractContextManager, ExitStack, contextmanager
from typing import TYPE_CHECKING, Any

from ...outcome import Listener

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from cluster import Workers

    from ...step import Step


class Trouble(Listener, AbstractContextManager["Trouble"]):
    """Harms workers while a run is at its stages; leave it when the run has ended.

    Parameters
    ----------
    stages
        During which; of products' names, during these alone.
    times
        How often in each.
    harm
        What is done to a worker's process; default `cluster.chaos.kill`.
    """

    def __init__(
        self, stages: Sequence[str], times: int, harm: Callable[[int], object] | None = None
    ) -> None:
        self.stages = stages
        self.times = times
        self.harm = harm
        self.hits: dict[str, list[str]] = {stage: [] for stage in stages}
        """What was hit, by stage."""
        self.lost: list[str] = []
        """Tasks that workers took with them, once for each worker."""
        self._workers: Any = None
        self._stage = ExitStack()

    def cluster_started(self, workers: Workers) -> None:
        """Note who can be harmed."""
        self._workers = workers

    def stage_started(self, step: Step, todo: int, total: int) -> None:
        """Begin."""
        del total
        for stage in {step.stage, step.product} & set(self.stages):
            left = self.times - len(self.hits[stage])
            if todo and left:
                self._stage.enter_context(self._raid(stage, left))

    @contextmanager
    def _raid(self, stage: str, times: int) -> Iterator[None]:
        from cluster.chaos import kill, raiding
        from cluster.diagnostics import lost, noted

        seed = len(self.hits[stage])
        since = noted(self._workers)
        with raiding(self._workers, times, harm=self.harm or kill, seed=seed) as hit:
            yield
        self.hits[stage] += hit
        self.lost += lost(self._workers, since)

    def stage_finished(self, step: Step, computed: int, seconds: float) -> None:
        """End."""
        del step, computed, seconds
        self._stage.close()

    def __exit__(self, *_error: object) -> None:
        """End."""
        self._stage.close()


def insist_ours(workers: Workers) -> None:
    """Refuse workers that can't be killed, or may not.

    Raises
    ------
    NeedUnmet
        If they are threads, or of a cluster that somebody else runs.
    """
    from cluster import NeedUnmet
    from cluster.kinds import THEIRS

    if workers.kind == "threads" or workers.kind in THEIRS:
        why = "has no processes" if workers.kind == "threads" else "is not ours"
        raise NeedUnmet(
            f"workers are killed on purpose here, and the {workers.kind!r} cluster {why}; name another kind "
            "with --cluster, as local"
        )


@contextmanager
def raid(workers: Workers, times: int) -> Iterator[list[str]]:
    """Kill workers of a cluster so many times while they are at tasks, for the life of the context.

    Raises
    ------
    NeedUnmet
        As of `insist_ours`.
    """
    from cluster.chaos import killing, raiding

    insist_ours(workers)
    dask: Any = workers
    with raiding(dask, times, harm=killing(dask)) as hit:
        yield hit


class Once(Listener):
    """Does something when a product's first block is done."""

    def __init__(self, product: str, do: Callable[[], object]) -> None:
        self.product, self.do, self.done = product, do, False

    def block_done(self, step: Step, stored: int, moved: int) -> None:
        """Do it."""
        del stored, moved
        if not self.done and step.product == self.product:
            self.done = True
            self.do()
