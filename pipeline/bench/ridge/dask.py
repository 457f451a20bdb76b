"""The problem over Dask: Zarr in, Zarr out, by the stages of a run; the workers' CPU time counts."""

from __future__ import annotations

import os
import shutil
import time
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from functools import partial
from importlib import import_module
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any

import numpy as np

from storage.product import Product
from storage.remote import Location

from ...blocks import Work, groups, slice_of, write_blocks
from ...stages.condition import condition
from ...stages.featurize import FEATURE, IMAGES
from ...stages.gram import cross, dual_gram
from ...stages.predict import predictions
from ...stages.respond import RESPONSES, VOXELS
from ...stages.smooth import dual_smoother
from .memory import warmed
from .problem import Size, exact, relative, responses, targets

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    import xarray as xr

    from ...stage import Stage

CHECKED = 3
"""Targets whose error is told."""
WORKERS = 2


def paths(folder: str, size: Size) -> tuple[dict[str, str], Path]:
    """Return where the inputs' Zarr groups lie, and a folder for what a contender writes."""
    made = {name: product_of(folder, size, name) for name in ("responses", "features")}
    return {name: product.data.url for name, product in made.items()}, Path(folder)


def product_of(folder: str, size: Size, name: str) -> Product:
    """Return an input's place in the archive of a size."""
    meaning = f"{size.n}-{size.m}-{size.p}" + (f"-{size.t}" if name == "features" else "")
    return Product(Location.of(f"{folder}/{name}-{meaning}"), "bench", name, meaning)


def make(product: Product, dataset: xr.Dataset, maker: Any, workers: Workers | None = None) -> xr.Dataset:
    """Create a product, compute its blocks, seal it, and return it opened."""
    about: dict[str, Any] = {"stage": "bench", "version": 1, "settings": {}, "inputs": {}, "made_from": {}}
    product.create(dataset, maker.schema if hasattr(maker, "schema") else maker, about)
    missing = product.missing()
    if workers is None:
        for block in missing:
            write_blocks(product, [Work(block, slice_of(dataset, product, block), {})], None)
    else:
        runs = list(groups(missing, workers.slots))
        workers.do(
            (
                f"{product} {run[0]}",
                (product, [Work(block, slice_of(dataset, product, block), {}) for block in run], None),
            )
            for run in runs
        )
    product.seal(software={})
    return product.open(raw=True)


def inputs(folder: str, size: Size) -> dict[str, xr.Dataset]:
    """Return responses and features, written where they are not there yet."""
    from ...stage import lazily

    rows = size.n + size.m
    ids = np.array([str(number) for number in range(rows)], dtype=object)
    split = np.array(["train"] * size.n + ["test"] * size.m, dtype=object)
    numbers = {"repeat": ("row", np.full(rows, -1, np.int16)), "session": ("row", np.ones(rows, np.int16))}
    made = {
        "responses": lazily(
            RESPONSES,
            {"row": rows, "voxel": size.p},
            partial(_responses, size),
            coords={"image_id": ("row", ids), "split": ("row", split), **numbers},
            edges=(*range(0, size.p, VOXELS), size.p),
        ),
        "features": lazily(
            FEATURE,
            {"image": rows, "feature": size.t},
            partial(_features, size),
            coords={"image_id": ("image", ids)},
            edges=(*range(0, rows, IMAGES), rows),
        ),
    }
    found = {}
    for name, dataset in made.items():
        product = product_of(folder, size, name)
        schema = RESPONSES if name == "responses" else FEATURE
        found[name] = product.open(raw=True) if product.sealed() else make(product, dataset, schema)
    return found


def _responses(size: Size, start: int, stop: int) -> Mapping[str, np.ndarray]:
    ones = np.ones(stop - start, np.float32)
    return {"response": responses(size, start, stop), "mean": 0 * ones, "std": ones}


def _features(size: Size, start: int, stop: int) -> Mapping[str, np.ndarray]:
    return {"value": targets(size, start, stop - start, 0, size.t)}


@dataclass
class Workers:
    """Two workers of one thread, warm, and what they have used."""

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

    def do(self, tasks: Any) -> None:
        """Have blocks written."""
        from cluster import Task, dispatch

        for _ in dispatch(self.inner, [Task(key, write_blocks, args) for key, args in tasks]):
            pass

    def reset(self) -> None:
        """Count from now on."""
        self.client.run(_forget)
        self.before = self.client.run(time.process_time)

    def seconds(self) -> float:
        """Return the CPU seconds of all workers since."""
        now = self.client.run(time.process_time)
        return float(sum(now[worker] - self.before.get(worker, 0.0) for worker in now))

    def figures(self, flops: float, stack: ExitStack) -> dict[str, Any]:
        """Return CPU seconds, rate and largest resident set of a worker; close everything at the end."""
        seconds = self.seconds()
        peaks = self.client.run(peak)
        restarted = float(set(peaks) != set(self.before))

        def closed() -> bool:
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


def _forget() -> None:
    Path("/proc/self/clear_refs").write_text("5")


def peak() -> int:
    """Return the largest resident set of this process since it was told to forget, in bytes."""
    lines = Path("/proc/self/status").read_text().splitlines()
    return 1024 * int(next(line for line in lines if line.startswith("VmHWM:")).split()[1])


def over_dask(folder: str, memory: str = "2GB", **given: Any) -> Callable[[], dict[str, Any]]:
    """Predict by the stages of a run, each block a task, on two workers."""
    size, stack = Size(**given), ExitStack()
    data = inputs(folder, size)
    workers = stack.enter_context(Workers.started(memory))
    out = Path(folder) / f"out-{os.getpid()}"

    def work() -> dict[str, Any]:
        workers.reset()
        spent: dict[str, float] = {}

        def made(name: str, maker: Stage, **how: Any) -> xr.Dataset:
            before = workers.seconds()
            place = Product(Location.of(f"{out}/{name}"), "bench", name, name)
            found = make(place, maker(**how), maker, workers)
            spent[f"cpu_{name}"] = workers.seconds() - before
            return found

        x, least = data["responses"], 10.0 ** np.floor(np.log10(size.alpha))
        asked = {"condition": made("condition", condition, responses=x), "least_alpha": float(least)}
        gram = made("gram", dual_gram, responses=x, **asked)
        between = made("cross", cross, responses=x, **asked)
        smoother = made("smoother", dual_smoother, responses=x, gram=gram, cross=between, alpha=size.alpha)
        found = made("predictions", predictions, responses=x, smoother=smoother, features=data["features"])

        def error() -> float:
            few = found.predicted[:, :CHECKED].values
            rows = x.response.values
            y = data["features"].value[: size.n, :CHECKED].values.astype(np.float64)
            wrong = relative(few, exact(rows[: size.n], rows[size.n :], y, size.alpha))
            shutil.rmtree(out)
            return wrong

        figures = workers.figures(size.flops, stack)
        return {**figures, **spent, "gram_bytes": gram.gram.dtype.itemsize, "error": error}

    return work
