"""Finished runs to decode with, and what their own test rows were before they were standardised."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

from cluster import Threads
from pipeline import run

if TYPE_CHECKING:
    from collections.abc import Callable

    import xarray as xr


class Run:
    """A finished run, and its test rows."""

    def __init__(self, recipe: Any) -> None:
        self.recipe = recipe
        self.plan = run(recipe, cluster=Threads(workers=1)).plan

    def open(self, product: str) -> xr.Dataset:
        (step,) = [step for step in self.plan if step.product == product]
        return step.in_archive(self.plan.archive).open().load()

    @property
    def test(self) -> xr.Dataset:
        responses = self.open("responses")
        return responses.isel(row=np.flatnonzero(responses.split.values == "test"))

    @property
    def percent(self) -> np.ndarray:
        """The test rows in percent signal change: means over a picture's showings, or single trials.

        Voxels that a session did not measure are left out of its trials; those that no trial has are at
        their mean.
        """
        trials, betas = self.open("trials"), self.open("betas").betas.values.astype(np.float64)
        valid = self.open("validity").valid.sel(session=trials.session).values
        mean = self.open("responses")["mean"].values
        rows = []
        for image, repeat in zip(self.test.image_id.values, self.test["repeat"].values, strict=True):
            chosen = trials.image_id.values == image
            if repeat >= 0:
                chosen &= trials["repeat"].values == repeat
            count = valid[chosen].sum(axis=0)
            total = np.where(valid[chosen], betas[chosen], 0).sum(axis=0)
            rows.append(np.where(count, total / np.maximum(count, 1), mean))
        return np.array(rows)

    @property
    def ids(self) -> list[str]:
        return list(self.test.image_id.values)


@pytest.fixture
def run_of() -> Callable[[Any], Run]:
    """Return a function that runs a recipe."""
    return Run


@pytest.fixture
def finished(make_recipe: Callable[..., Any]) -> Callable[..., Run]:
    """Return a function that runs a recipe with changes on a small release."""

    def make(changes: Any = None, **how: Any) -> Run:
        return Run(make_recipe(changes, **how))

    return make
