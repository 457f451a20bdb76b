"""Gram: the one big product of the ridge, shared by every feature space and every alpha."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any, Literal

from storage.chunks import triangle_edges
from storage.schema import Schema, Variable

from .. import ridge
from ..errors import ShapeError
from ..stage import Cost, lazily, stage

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    import numpy as np
    import xarray as xr

Precision = Literal["auto", "float32", "float64"]

#: Below this order the lower triangle is one block, from it on a fixed number of bands of equal area.
WHOLE = 4096
BANDS = 8
#: Rows of a chunk; bands end on whole chunks.
CHUNK = 128

_LOWER = "Lower triangle, zeros above: attribute `triangle` is lower."

DUAL = Schema(
    {
        "gram": Variable(
            ("row", "column"),
            "float64|float32",
            "1",
            "training rows against each other",
            _LOWER,
            chunks={"row": CHUNK},
        )
    },
    block="row",
)

PRIMAL = Schema(
    {
        "gram": Variable(
            ("voxel", "column"),
            "float64|float32",
            "1",
            "voxels against each other",
            _LOWER,
            chunks={"voxel": CHUNK},
        )
    },
    block="voxel",
)

CROSS = Schema(
    {
        "cross": Variable(
            ("row", "column"),
            "float64|float32",
            "1",
            "test rows against training rows",
            chunks={"row": CHUNK},
        )
    }
)


def dtype_of(precision: Precision) -> Literal["float32", "float64"]:
    """Return the dtype products are formed and summed in; "auto" takes the one that is safe at any alpha."""
    return "float64" if precision == "auto" else precision


def training_rows(responses: xr.Dataset) -> int:
    """Return how many rows are training rows; they stand first.

    Raises
    ------
    ShapeError
        If there are fewer than two.
    """
    split = responses.split.values
    count = int((split == "train").sum())
    if count < 2:
        raise ShapeError(f"{count} training row found; a ridge with an intercept needs at least 2")
    if (split[:count] != "train").any():
        raise ShapeError("test rows stand among the training rows; order rows by split, training rows first")
    return count


def training_blocks(responses: xr.Dataset, stop: int | None = None) -> Iterator[np.ndarray]:
    """Yield the training rows, `ridge.WIDTH` voxels at a time, up to voxel `stop`."""
    count = training_rows(responses)
    last = responses.sizes["voxel"] if stop is None else stop
    for start in range(0, last, ridge.WIDTH):
        yield responses.response[:count, start : min(start + ridge.WIDTH, last)].values


def _edges(order: int) -> tuple[int, ...]:
    return (0, order) if order < WHOLE else triangle_edges(order, BANDS, CHUNK)


def _gram_cost(output: xr.Dataset, responses: xr.Dataset, **_inputs: xr.Dataset) -> Cost:
    band = max(output.gram.chunks[0]) * output.sizes["column"] * output.gram.dtype.itemsize
    blocks = 4 * responses.sizes["row"] * ridge.WIDTH * 8
    order = output.sizes["column"]
    depth = responses.sizes["voxel"] if "row" in output.dims else training_rows(responses)
    return Cost(memory=2 * band + blocks, flops=ridge.gram_band_flops(0, order, depth))


@stage("gram", version=1, schema=DUAL, cost=_gram_cost)
def dual_gram(responses: xr.Dataset, *, precision: Precision = "auto") -> xr.Dataset:
    """Return Xc Xc^T of the training rows, in bands of its lower triangle.

    A band streams all voxels in order and sums in place: the same bits whoever computes it.
    """
    count = training_rows(responses)
    return lazily(
        DUAL,
        {"row": count, "column": count},
        partial(_dual_band, responses, dtype_of(precision)),
        edges=_edges(count),
        dtypes={"gram": dtype_of(precision)},
        attrs={"gram": {"triangle": "lower"}},
    )


def _dual_band(responses: xr.Dataset, dtype: Any, start: int, stop: int) -> Mapping[str, np.ndarray]:
    return {"gram": ridge.gram_band(training_blocks(responses), start, stop, dtype)}


@stage("gram", version=1, schema=PRIMAL, cost=_gram_cost)
def primal_gram(responses: xr.Dataset, *, precision: Precision = "auto") -> xr.Dataset:
    """Return Xc^T Xc of the training rows, in bands of its lower triangle: for fewer voxels than rows."""
    training_rows(responses)
    voxels = responses.sizes["voxel"]
    return lazily(
        PRIMAL,
        {"voxel": voxels, "column": voxels},
        partial(_primal_band, responses, dtype_of(precision)),
        edges=_edges(voxels),
        dtypes={"gram": dtype_of(precision)},
        attrs={"gram": {"triangle": "lower"}},
    )


def _primal_band(responses: xr.Dataset, dtype: Any, start: int, stop: int) -> Mapping[str, np.ndarray]:
    band = responses.response[: training_rows(responses), start:stop].values
    before = training_blocks(responses, start)
    return {"gram": ridge.primal_gram_band(band, before, responses.sizes["voxel"], dtype)}


def _cross_cost(output: xr.Dataset, responses: xr.Dataset) -> Cost:
    n, m = output.sizes["column"], output.sizes["row"]
    flops = ridge.cross_flops(n, responses.sizes["voxel"], m)
    return Cost(memory=2 * output.cross.nbytes + 4 * responses.sizes["row"] * ridge.WIDTH * 8, flops=flops)


@stage("gram", version=1, schema=CROSS, cost=_cross_cost)
def cross(responses: xr.Dataset, *, precision: Precision = "auto") -> xr.Dataset:
    """Return the test rows against the training rows, both less the training mean."""
    count = training_rows(responses)
    return lazily(
        CROSS,
        {"row": responses.sizes["row"] - count, "column": count},
        partial(_cross, responses, dtype_of(precision)),
        dtypes={"cross": dtype_of(precision)},
    )


def _cross(responses: xr.Dataset, dtype: Any, _start: int, _stop: int) -> Mapping[str, np.ndarray]:
    count = training_rows(responses)
    parts = (
        responses.response[:, start : start + ridge.WIDTH].values
        for start in range(0, responses.sizes["voxel"], ridge.WIDTH)
    )
    return {"cross": ridge.cross_gram(((part[:count], part[count:]) for part in parts), dtype)}
