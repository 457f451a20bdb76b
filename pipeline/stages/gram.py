"""Gram: the one big product of the ridge, shared by every feature space and every alpha."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any, Literal

import numpy as np

from storage.chunks import triangle_edges
from storage.schema import Schema, Variable

from .. import ridge
from ..stage import Cost, lazily, stage
from .matrix import Matrix

if TYPE_CHECKING:
    from collections.abc import Mapping

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


def _edges(order: int) -> tuple[int, ...]:
    return (0, order) if order < WHOLE else triangle_edges(order, BANDS, CHUNK)


def _gram_cost(output: xr.Dataset, responses: xr.Dataset, **_inputs: xr.Dataset) -> Cost:
    band = max(output.gram.chunks[0]) * output.sizes["column"] * output.gram.dtype.itemsize
    parts = 4 * responses.sizes["row"] * ridge.WIDTH * 8
    depth = int(output.gram.attrs["depth"])
    return Cost(memory=2 * band + parts, flops=ridge.gram_band_flops(0, output.sizes["column"], depth))


@stage("gram", version=1, schema=DUAL, cost=_gram_cost)
def dual_gram(
    responses: xr.Dataset,
    voxels: xr.Dataset | None = None,
    *,
    rois: str = "all",
    precision: Precision = "auto",
) -> xr.Dataset:
    """Return Xc Xc^T of the training rows over the voxels of a region, in bands of its lower triangle.

    A band streams all voxels in order and sums in place: the same bits whoever computes it.
    """
    matrix = Matrix.of(responses, voxels, rois)
    return lazily(
        DUAL,
        {"row": matrix.training, "column": matrix.training},
        partial(_dual_band, matrix, dtype_of(precision)),
        edges=_edges(matrix.training),
        dtypes={"gram": dtype_of(precision)},
        attrs={"gram": {"triangle": "lower", "depth": matrix.voxels}},
    )


def _dual_band(matrix: Matrix, dtype: Any, start: int, stop: int) -> Mapping[str, np.ndarray]:
    return {"gram": ridge.gram_band(matrix.training_parts(), start, stop, dtype)}


@stage("gram", version=1, schema=PRIMAL, cost=_gram_cost)
def primal_gram(
    responses: xr.Dataset,
    voxels: xr.Dataset | None = None,
    *,
    rois: str = "all",
    precision: Precision = "auto",
) -> xr.Dataset:
    """Return Xc^T Xc of the training rows, in bands of its lower triangle: for fewer voxels than rows."""
    matrix = Matrix.of(responses, voxels, rois)
    return lazily(
        PRIMAL,
        {"voxel": matrix.voxels, "column": matrix.voxels},
        partial(_primal_band, matrix, dtype_of(precision)),
        edges=_edges(matrix.voxels),
        dtypes={"gram": dtype_of(precision)},
        attrs={"gram": {"triangle": "lower", "depth": matrix.training}},
    )


def _primal_band(matrix: Matrix, dtype: Any, start: int, stop: int) -> Mapping[str, np.ndarray]:
    band = np.concatenate(list(matrix.training_parts(start, stop)), axis=1)
    return {"gram": ridge.primal_gram_band(band, matrix.training_parts(0, start), matrix.voxels, dtype)}


def _cross_cost(output: xr.Dataset, responses: xr.Dataset, **_inputs: xr.Dataset) -> Cost:
    flops = ridge.cross_flops(output.sizes["column"], int(output.cross.attrs["depth"]), output.sizes["row"])
    return Cost(memory=2 * output.cross.nbytes + 4 * responses.sizes["row"] * ridge.WIDTH * 8, flops=flops)


@stage("gram", version=1, schema=CROSS, cost=_cross_cost)
def cross(
    responses: xr.Dataset,
    voxels: xr.Dataset | None = None,
    *,
    rois: str = "all",
    precision: Precision = "auto",
) -> xr.Dataset:
    """Return the test rows against the training rows, both less the training mean."""
    matrix = Matrix.of(responses, voxels, rois)
    return lazily(
        CROSS,
        {"row": matrix.test, "column": matrix.training},
        partial(_cross, matrix, dtype_of(precision)),
        dtypes={"cross": dtype_of(precision)},
        attrs={"cross": {"depth": matrix.voxels}},
    )


def _cross(matrix: Matrix, dtype: Any, _start: int, _stop: int) -> Mapping[str, np.ndarray]:
    pairs = ((part[: matrix.training], part[matrix.training :]) for part in matrix.parts())
    return {"cross": ridge.cross_gram(pairs, dtype)}
