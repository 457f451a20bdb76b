"""Who has workers harmed while some stages are at work."""

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

        seed = len(self.hits[stage])
        with raiding(self._workers, times, harm=self.harm or kill, seed=seed) as hit:
            yield
        self.hits[stage] += hit

    def stage_finished(self, step: Step, computed: int, seconds: float) -> None:
        """End."""
        del step, computed, seconds
        self._stage.close()

    def __exit__(self, *_error: object) -> None:
        """End."""
        self._stage.close()
