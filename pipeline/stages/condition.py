"""Condition: whether float32 will do, asked of the responses before the Gram is formed from them."""

from __future__ import annotations

from functools import partial
from itertools import count
from typing import TYPE_CHECKING, Literal

import numpy as np

from storage.schema import Schema, Variable

from .. import ridge
from ..ridge.condition import PASSES, TOLERANCE, VECTORS
from ..stage import Cost, lazily, stage
from .matrix import Matrix, walked

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    import xarray as xr

    from ..ridge.namespace import Array

Precision = Literal["auto", "float32", "float64"]

CONDITION = Schema(
    {
        "largest_eigenvalue": Variable(
            (),
            "float64",
            "1",
            "largest eigenvalue of the Gram matrix",
            "Of the centred training rows, estimated from below by subspace iteration.",
        )
    }
)


def _condition_cost(_output: xr.Dataset, responses: xr.Dataset, **_inputs: xr.Dataset) -> Cost:
    rows = responses.sizes["row"]
    flops = 4.0 * PASSES * VECTORS * rows * responses.sizes["voxel"]
    return Cost(memory=rows * (ridge.WIDTH * 6 * 4 + VECTORS * 4 * 8), flops=flops)


@stage("gram", version=1, schema=CONDITION, cost=_condition_cost, gpu=True)
def condition(responses: xr.Dataset, voxels: xr.Dataset | None = None, *, rois: str = "all") -> xr.Dataset:
    """Return the largest eigenvalue of the training rows' Gram over a region, by a few passes over voxels."""
    return lazily(CONDITION, {}, partial(_condition, Matrix.of(responses, voxels, rois)))


def _condition(matrix: Matrix, _start: int, _stop: int) -> Mapping[str, np.ndarray]:
    number = count()

    def walk() -> Iterator[Array]:
        return ridge.stream(walked(matrix.training_parts(), matrix.voxels, next(number), PASSES))

    found = ridge.largest_eigenvalue(walk)
    return {"largest_eigenvalue": np.asarray(found)}


def dtype_of(
    precision: Precision, condition: xr.Dataset | None, least_alpha: float | None
) -> tuple[ridge.Precision, dict[str, str]]:
    """Return the dtype a Gram is formed in, and, where "auto" chose the slower one, a note that says why.

    Parameters
    ----------
    precision
        What was asked for.
    condition
        Product `condition`. Where it is not known yet, as in a plan, the answer is the larger dtype.
    least_alpha
        Smallest penalty the Gram is for.
    """
    if precision != "auto":
        return precision, {}
    if condition is None or least_alpha is None or condition.largest_eigenvalue.chunks is not None:
        return "float64", {}
    if ridge.device_in_use().fast_double:
        return "float64", {}
    largest = float(condition.largest_eigenvalue)
    if ridge.safe_precision(largest, least_alpha) == "float32":
        return "float32", {}
    error = ridge.float32_error(largest, least_alpha)
    return "float64", {
        "note": f"float64, because float32 could be off by {error:.0e} of the predictions' spread at "
        f"alpha = {least_alpha:g} (largest eigenvalue {largest:.1e}; up to {TOLERANCE:.0e} is let pass)"
    }
