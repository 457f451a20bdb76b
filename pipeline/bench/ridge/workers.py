"""Two worker processes of a benchmark: warm, what they have used, and how large they have been."""

from __future__ import annotations

import time
from contextlib import contextmanager
from dataclasses import dataclass, field
from importlib import import_module
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any

import numpy as np

from ...blocks import write_blocks
from ..memory import forget, peak
from .memory import sgemm, warmed

if TYPE_CHECKING:
    from collections.abc import Iterator
    from contextlib import ExitStack

    from storage.product import Product

    from ...blocks import Work
    from ...portions import Portions

WORKERS = 2


@dataclass
class Workers:
    """Workers of one thread, and what they have used."""

    inner: Any
    before: dict[str, float] = field(default_factory=dict)

    @classmethod
    @contextmanager
    def started(cls, memory: str) -> Iterator[Workers]:
        """Start them for the life of the context."""
        from cluster import Local, connect

        with connect(Local(workers=WORKERS, threads=1, memory=memory)) as workers:
            workers.client.run(warm)  # type: ignore[attr-defined]
            yield cls(workers)

    @property
    def client(self) -> Any:
        """The client of `distributed`."""
        return self.inner.client

    @property
    def slots(self) -> int:
        """Tasks at a time."""
        return int(self.inner.slots)

    @property
    def memory(self) -> int | None:
        """Bytes a slot may use."""
        limit: int | None = self.inner.memory
        return limit

    def write(self, product: Product, portions: Portions[Work]) -> None:
        """Have blocks written."""
        from cluster import Task, dispatch

        tasks = (
            Task(f"{product} {portion[0].block}", write_blocks, (product, portion, None))
            for portion in portions
        )
        for result in dispatch(self.inner, tasks):
            portions.heard(result.seconds, len(result.value))

    def reset(self) -> None:
        """Count from now on."""
        self.client.run(forget)
        self.before = self.client.run(time.process_time)

    def seconds(self) -> float:
        """Return the CPU seconds of all workers since."""
        now = self.client.run(time.process_time)
        return float(sum(now[worker] - self.before.get(worker, 0.0) for worker in now))

    def sgemm(self) -> float:
        """Return the operations a CPU second of a bare matrix product, on all workers at once."""
        found = self.client.run(_sgemm)
        return float(np.mean(list(found.values())))

    def figures(self, flops: float, stack: ExitStack) -> dict[str, Any]:
        """Return CPU seconds, rate and largest resident set of a worker; close everything at the end."""
        seconds = self.seconds()
        peaks = self.client.run(peak)
        restarted = float(set(peaks) != set(self.before))

        def closed() -> bool:
            """End the workers; it is called when all figures are taken."""
            stack.close()
            return True

        return {
            "cpu": seconds,
            "rate": flops / seconds,
            "memory": max(peaks.values()),
            "restarted": restarted,
            "closed": closed,
        }


def warm() -> None:
    """Load and touch what any contender uses: Zarr, dask.array, the routines of BLAS and LAPACK."""
    import dask
    import dask.array as da
    import xarray as xr

    for name in ("condition", "gram", "smooth", "predict"):
        import_module(f"pipeline.stages.{name}")
    rows = np.random.default_rng(0).standard_normal((600, 1024), np.float32)
    warmed(rows)
    with TemporaryDirectory() as folder, dask.config.set(scheduler="synchronous"):
        xr.Dataset({"rows": (("row", "column"), da.from_array(rows))}).to_zarr(folder)
        stored = xr.open_zarr(folder).rows.data
        da.linalg.solve(da.dot(stored, stored.T) + da.eye(600), stored[:, :9], assume_a="pos").compute()


def _sgemm() -> float:
    rate: float = sgemm(order=1024, times=20)()["rate"]  # small, so that no peak is its
    return rate
