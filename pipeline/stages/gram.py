"""Gram: the one big product of the ridge, shared by every feature space and every alpha."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any

import numpy as np

from storage.chunks import triangle_edges
from storage.schema import Schema, Variable

from .. import ridge
from ..stage import Cost, lazily, stage
from .condition import Precision, dtype_of
from .matrix import Matrix, walked

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    import xarray as xr

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


def _edges(order: int) -> tuple[int, ...]:
    return (0, order) if order < WHOLE else triangle_edges(order, BANDS, CHUNK)


def _gram_cost(output: xr.Dataset, responses: xr.Dataset, **_inputs: xr.Dataset) -> Cost:
    band = max(output.gram.chunks[0]) * output.sizes["column"] * output.gram.dtype.itemsize
    parts = _parts_memory(responses, output.gram.dtype.itemsize)
    depth = int(output.gram.attrs["depth"])
    flops = ridge.gram_band_flops(0, output.sizes["column"], depth)
    if "voxel" in output.gram.dims:  # the voxels of a band are held, as stored and centred
        held = 3 * max(output.gram.chunks[0]) * responses.sizes["row"] * output.gram.dtype.itemsize
        return Cost(memory=2 * band + parts + held, flops=flops)
    return Cost(memory=2 * band + parts, further=band, flops=flops)


def _parts_memory(responses: xr.Dataset, itemsize: int) -> int:
    """Return the bytes of the voxels in passing: one part at work, one being read, one centred."""
    return responses.sizes["row"] * ridge.WIDTH * (5 * 4 + itemsize)


@stage("gram", version=2, schema=DUAL, cost=_gram_cost, gpu=True)
def dual_gram(
    responses: xr.Dataset,
    voxels: xr.Dataset | None = None,
    condition: xr.Dataset | None = None,
    *,
    rois: str = "all",
    precision: Precision = "auto",
    least_alpha: float | None = None,
) -> xr.Dataset:
    """Return Xc Xc^T of the training rows over the voxels of a region, in bands of its lower triangle.

    A band streams all voxels in order and sums in place: the same bits whoever computes it. Bands of one
    task are summed in one walk, so that voxels are read and centred once for all of them.

    Parameters
    ----------
    responses, voxels
        Products; `voxels` is needed for a region only.
    condition
        How large the Gram's largest eigenvalue is; with it "auto" takes float32 where that is exact enough.
    rois
        The region.
    precision
        In which products are formed and summed.
    least_alpha
        No penalty used with this Gram is smaller; "auto" goes by it.
    """
    matrix = Matrix.of(responses, voxels, rois)
    dtype, note = dtype_of(precision, condition, least_alpha)
    return lazily(
        DUAL,
        {"row": matrix.training, "column": matrix.training},
        partial(_dual_bands, matrix, dtype),
        edges=_edges(matrix.training),
        dtypes={"gram": dtype},
        attrs={"gram": {"triangle": "lower", "depth": matrix.voxels, **note}},
        joint=True,
    )


def _dual_bands(
    matrix: Matrix, dtype: Any, spans: Sequence[tuple[int, int]]
) -> Iterator[Mapping[str, np.ndarray]]:
    parts = walked(matrix.training_parts(), matrix.voxels)
    bands = ridge.gram_bands(ridge.stream(parts), spans, dtype)
    while bands:
        yield {"gram": ridge.host(bands.pop(0))}


@stage("gram", version=2, schema=PRIMAL, cost=_gram_cost, gpu=True)
def primal_gram(
    responses: xr.Dataset,
    voxels: xr.Dataset | None = None,
    condition: xr.Dataset | None = None,
    *,
    rois: str = "all",
    precision: Precision = "auto",
    least_alpha: float | None = None,
) -> xr.Dataset:
    """Return Xc^T Xc of the training rows, in bands of its lower triangle: for fewer voxels than rows."""
    matrix = Matrix.of(responses, voxels, rois)
    dtype, note = dtype_of(precision, condition, least_alpha)
    return lazily(
        PRIMAL,
        {"voxel": matrix.voxels, "column": matrix.voxels},
        partial(_primal_band, matrix, dtype),
        edges=_edges(matrix.voxels),
        dtypes={"gram": dtype},
        attrs={"gram": {"triangle": "lower", "depth": matrix.training, **note}},
    )


def _primal_band(matrix: Matrix, dtype: Any, start: int, stop: int) -> Mapping[str, np.ndarray]:
    band = ridge.put(np.concatenate(list(matrix.training_parts(start, stop)), axis=1))
    before = ridge.stream(matrix.training_parts(0, start))
    return {"gram": ridge.host(ridge.primal_gram_band(band, before, matrix.voxels, dtype))}


def _cross_cost(output: xr.Dataset, responses: xr.Dataset, **_inputs: xr.Dataset) -> Cost:
    flops = ridge.cross_flops(output.sizes["column"], int(output.cross.attrs["depth"]), output.sizes["row"])
    parts = _parts_memory(responses, output.cross.dtype.itemsize)
    return Cost(memory=2 * output.cross.nbytes + parts, flops=flops)


@stage("gram", version=2, schema=CROSS, cost=_cross_cost, gpu=True)
def cross(
    responses: xr.Dataset,
    voxels: xr.Dataset | None = None,
    condition: xr.Dataset | None = None,
    *,
    rois: str = "all",
    precision: Precision = "auto",
    least_alpha: float | None = None,
) -> xr.Dataset:
    """Return the test rows against the training rows, both less the training mean."""
    matrix = Matrix.of(responses, voxels, rois)
    dtype, _ = dtype_of(precision, condition, least_alpha)
    return lazily(
        CROSS,
        {"row": matrix.test, "column": matrix.training},
        partial(_cross, matrix, dtype),
        dtypes={"cross": dtype},
        attrs={"cross": {"depth": matrix.voxels}},
    )


def _cross(matrix: Matrix, dtype: Any, _start: int, _stop: int) -> Mapping[str, np.ndarray]:
    def pairs() -> Iterator[tuple[Any, Any]]:
        for part in ridge.stream(walked(matrix.parts(), matrix.voxels)):
            yield part[: matrix.training, :], part[matrix.training :, :]

    return {"cross": ridge.host(ridge.cross_gram(pairs(), dtype))}
