"""What a run tells while it goes on, and what it leaves."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping

    import xarray as xr

    from cluster import Result, Workers

    from .planner import Plan
    from .step import Step


class Listener:
    """Hears what a run does; every method may be overridden, none has to be."""

    def cluster_started(self, workers: Workers) -> None:
        """Workers are ready."""

    def stage_started(self, step: Step, todo: int, total: int) -> None:
        """A product's missing blocks are about to be computed."""

    def block_done(self, step: Step, stored: int, moved: int) -> None:
        """A block is stored."""

    def under_way(self, step: Step, blocks: float) -> None:
        """Tasks that make several blocks at once have done so many blocks' worth."""

    def trained(self, step: Step, told: Mapping[str, Any]) -> None:
        """A training has come so far: see `storage.workspace.Workspace.tell`."""

    def task_done(self, step: Step, result: Result) -> None:
        """A task, of one block or several, has returned."""

    def block_retried(self, step: Step, task: str, reason: str) -> None:
        """A task is tried again."""

    def stage_finished(self, step: Step, computed: int, seconds: float) -> None:
        """A product is sealed (computed is 0 where it was already)."""

    def note(self, text: str) -> None:
        """Something the user should know."""


@dataclass(frozen=True)
class Made:
    """What became of one step."""

    step: Step
    computed: int
    """Blocks computed by this run."""
    seconds: float
    """Wall time of this run."""
    bytes: int
    """Bytes the product takes in the archive."""

    def as_json(self) -> dict[str, Any]:
        """Return the product's entry of ``run --json``."""
        return {
            "name": self.step.product,
            "fingerprint": self.step.fingerprint,
            "blocks": self.step.blocks,
            "computed": self.computed,
            "bytes": self.bytes,
            "seconds": round(self.seconds, 3),
        }


@dataclass
class Outcome:
    """What a run made."""

    plan: Plan
    made: list[Made] = field(default_factory=list)
    bytes_moved: int = 0
    requests: int = 0

    @property
    def computed(self) -> int:
        """Blocks computed by this run; 0 when everything was there."""
        return sum(made.computed for made in self.made)

    def as_json(self) -> dict[str, Any]:
        """Return the object that ``run --json`` ends with."""
        subjects: dict[str, Any] = {}
        for made in self.made:
            entry = subjects.setdefault(made.step.owner, {"products": [], "scores": {}})
            entry["products"].append(made.as_json())
            kind, _, name = made.step.product.partition("/")
            if kind == "scores":
                entry["scores"][name] = summary(made.step.in_archive(self.plan.archive).open())
        moved = {"bytes": self.bytes_moved, "requests": self.requests}
        return {"status": "done", "archive": str(self.plan.archive), "subjects": subjects, "moved": moved}


def summary(scores: xr.Dataset) -> dict[str, dict[str, float]]:
    """Return mean, interval, chance and number of pictures by metric."""
    return {
        str(name): {
            **{key: float(scores[key].sel(metric=name)) for key in ("mean", "low", "high", "chance")},
            "n": scores.sizes["row"],
        }
        for name in scores.metric.values
    }
