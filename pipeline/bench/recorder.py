"""What each product of a run takes: time, bytes and tasks, and what each worker used for it."""

from __future__ import annotations

import time
from collections import Counter
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from ..outcome import Listener
from .stages import added
from .usage import Usage, begun, used

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from cluster import Result, Workers

    from ..step import Step

PROCESS = "this process"
"""What `cluster.Workers.each` calls the one process that all threads share."""


@dataclass
class Recorder(Listener):
    """Records a run, a row a product.

    Parameters
    ----------
    workers
        Who work: they are asked before and after each product, not in its time.
    heard
        Hears what a run has to say.
    """

    workers: Workers
    heard: Callable[[str], object] = lambda _: None
    rows: list[dict[str, Any]] = field(default_factory=list)
    counts: Counter[str] = field(default_factory=Counter)
    tasks: dict[str, dict[str, float]] = field(default_factory=dict)

    def block_done(self, step: Step, stored: int, moved: int) -> None:
        """Count a block and its bytes."""
        del step
        self.counts.update(blocks=1, stored=stored, moved=moved)

    def task_done(self, step: Step, result: Result) -> None:
        """Count a task for its worker."""
        del step
        name = PROCESS if self.workers.kind == "threads" else result.worker
        told = self.tasks.setdefault(name, {"tasks": 0, "busy": 0.0})
        told["tasks"] += 1
        told["busy"] += result.seconds
        self.counts.update(tasks=1)

    def block_retried(self, step: Step, task: str, reason: str) -> None:
        """Count a task that is tried again."""
        del step
        self.counts.update(retries=1)
        self.heard(f"{task} is tried again: {' '.join(reason.split())}")

    def note(self, text: str) -> None:
        """Pass it on."""
        self.heard(text)

    @contextmanager
    def on(self, step: Step) -> Iterator[None]:
        """Record what is done inside as the work for one product."""
        from cluster.diagnostics import lost, noted

        self.counts, self.tasks = Counter(), {}
        since, before = noted(self.workers), _told(self.workers.each(begun))
        began = time.perf_counter()
        yield
        wall = time.perf_counter() - began
        after = _told(self.workers.each(used))
        mine = [key for key in lost(self.workers, since) if f"'{step} block" in key]
        each = {name: self._worker(name, before.get(name), now) for name, now in after.items()}
        counted = {name: self.counts[name] for name in ("blocks", "tasks", "retries", "moved", "stored")}
        self.rows.append(
            {
                "stage": step.stage,
                "product": str(step),
                "wall": wall,
                **counted,
                "lost": len(mine),
                "cpu": sum(one["cpu"] for one in each.values()),
                "read": sum(one["read"] for one in each.values()),
                "flops": step.cost.flops,
                "workers": each,
            }
        )

    def _worker(self, name: str, before: Usage | None, now: Usage) -> dict[str, Any]:
        """Return a worker's part; one that was started again, or came late, counts from its own beginning."""
        again = before is not None and before.process != now.process
        cpu, read = (0.0, 0) if before is None or again else (before.cpu, before.read)
        part = {**self.tasks.get(name, {"tasks": 0, "busy": 0.0}), "restarted": again}
        used = {"cpu": now.cpu - cpu, "read": now.read - read, "peak": now.peak, "device": now.device}
        return {**part, **used}

    def figures(self) -> dict[str, Any]:
        """Return the figures of all products together, each product's, and each worker's."""
        workers: dict[str, dict[str, Any]] = {}
        for row in self.rows:
            for name, one in row["workers"].items():
                workers[name] = added(workers[name], one) if name in workers else dict(one)
        totals = {
            name: sum(row[name] for row in self.rows)
            for name in ("wall", "cpu", "moved", "read", "stored", "tasks", "retries", "lost")
        }
        through = totals["read"] + totals["moved"] + totals["stored"]
        devices = [one["device"] for one in workers.values() if one["device"] is not None]
        return {
            **totals,
            "throughput": through / totals["wall"],
            "busy": sum(one["busy"] for one in workers.values()) / (totals["wall"] * self.workers.slots),
            "largest": max((one["peak"] for one in workers.values()), default=0),
            **({"device": max(devices)} if devices else {}),
            "stages": self.rows,
            "workers": workers,
        }


def _told(each: Mapping[str, Any]) -> dict[str, Usage]:
    """Return what workers told; one that died meanwhile told nothing."""
    return {str(name): told for name, told in each.items() if isinstance(told, Usage)}
