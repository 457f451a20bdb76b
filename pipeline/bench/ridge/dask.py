"""The problem over Dask: Zarr in, Zarr out, by the stages of a run; the workers' CPU time counts."""

from __future__ import annotations

import os
import shutil
import time
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from itertools import pairwise
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from ... import ridge
from ...stages.condition import condition
from ...stages.gram import cross, dual_gram
from ...stages.predict import predictions
from ...stages.smooth import dual_smoother
from .problem import Size, exact, relative
from .products import inputs, make, product_at
from .workers import Workers

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    import xarray as xr

    from ...stage import Stage

CHECKED = 3
"""Targets whose error is told."""


def over_dask(folder: str, memory: str = "2GB", **given: Any) -> Callable[[], dict[str, Any]]:
    """Predict by the stages of a run, on two workers."""
    size, stack = Size(**given), ExitStack()
    workers = stack.enter_context(Workers.started(memory))
    data = inputs(folder, size, workers)
    out = Path(folder) / f"out-{os.getpid()}"
    stack.callback(shutil.rmtree, out, ignore_errors=True)

    def work() -> dict[str, Any]:
        """Make all products on the workers."""
        workers.reset()
        spent = Spent(workers)

        def made(name: str, maker: Stage, settings: dict[str, Any], **given: xr.Dataset) -> xr.Dataset:
            """Return one product, made by its stage."""
            with spent.on(name):
                lazy = maker(**given, **settings)
                return make(product_at(out, name), lazy, maker.schema, workers, maker.cost(lazy, **given))

        x = data["responses"]
        least = {"least_alpha": 10.0 ** float(np.floor(np.log10(size.alpha)))}
        known = made("condition", condition, {}, responses=x)
        gram = made("gram", dual_gram, least, responses=x, condition=known)
        between = made("cross", cross, least, responses=x, condition=known)
        penalty = {"alpha": size.alpha}
        smoother = made("smoother", dual_smoother, penalty, responses=x, gram=gram, cross=between)
        found = made(
            "predictions", predictions, {}, responses=x, smoother=smoother, features=data["features"]
        )

        def error() -> float:
            """Return how far a few targets are from float64."""
            y = data["features"].value[: size.n, :CHECKED].values
            return relative(found.predicted[:, :CHECKED].values, checked(size, x, gram, y))

        figures = {**workers.figures(size.flops, stack), **spent.figures(size.flops)}
        return {"error": error, "gram_bytes": gram.gram.dtype.itemsize, **figures}

    return work


@dataclass
class Spent:
    """What the stages took, and what a bare matrix product reached on the same workers in between."""

    workers: Workers
    cpu: dict[str, float] = field(default_factory=dict)
    wall: float = 0.0
    rates: list[float] = field(default_factory=list)

    @contextmanager
    def on(self, name: str) -> Iterator[None]:
        """Count what is done inside to a stage."""
        self.rates = self.rates or [self.workers.sgemm()]
        before, began = self.workers.seconds(), time.perf_counter()
        yield
        self.wall += time.perf_counter() - began
        self.cpu[name] = self.workers.seconds() - before
        self.rates.append(self.workers.sgemm())

    def figures(self, flops: float) -> dict[str, float]:
        """Return time, CPU seconds, rate, and the share of what a matrix product does in those seconds.

        On a busy machine a CPU second is worth more or less: each stage has the rates before and after it.
        """
        cpu, pairs = sum(self.cpu.values()), pairwise(self.rates)
        possible = sum(
            spent * (before + after) / 2
            for spent, (before, after) in zip(self.cpu.values(), pairs, strict=True)
        )
        whole = {"wall": self.wall, "cpu": cpu, "rate": flops / cpu, "share": flops / possible}
        return {**whole, **{f"cpu_{name}": spent for name, spent in self.cpu.items()}}


def checked(size: Size, responses: xr.Dataset, gram: xr.Dataset, y: np.ndarray) -> np.ndarray:
    """Return the predictions of some targets in float64; the Gram only makes that take fewer steps."""
    factor = ridge.factorise(gram.gram.values, size.alpha, overwrite=True)

    def walk() -> Iterator[tuple[np.ndarray, np.ndarray]]:
        """Yield training and test rows of a few voxels at a time."""
        for start in range(0, size.p, ridge.WIDTH):
            part = responses.response[:, start : start + ridge.WIDTH].values
            yield part[: size.n], part[size.n :]

    return exact(walk, y.astype(np.float64), size.alpha, lambda rest: factor.solve(rest.T).T)
