"""Invert: what all tiles of weights share, made once.

Where voxels are fewer than features that is Xc^T (K + alpha I)^-1, else (K + alpha I)^-1 alone.
"""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

import numpy as np

from storage.schema import Schema, Variable

from .. import ridge
from ..stage import Cost, lazily, stage
from .matrix import Matrix
from .owned import owned
from .smooth import LEFT, penalty
from .spectrum import ROWS, kept_dtype

if TYPE_CHECKING:
    from collections.abc import Mapping

    import xarray as xr

    from ..ridge.namespace import Array
    from .smooth import Penalty
    from .spectrum import Precision

INVERSE = Schema(
    {
        "inverse": Variable(
            ("row", "column"),
            "float32|float64",
            "1",
            "inverse of the training rows' Gram with the penalty on its diagonal",
            "A column a distinct training picture: those of its rows are summed.",
            chunks={"row": ROWS},
        )
    }
)


def _inverse_cost(output: xr.Dataset, gram: xr.Dataset, **_inputs: xr.Dataset) -> Cost:
    return Cost(memory=gram.gram.nbytes + output.nbytes, flops=float(gram.sizes["column"]) ** 3)


@stage("regress", version=2, schema=INVERSE, cost=_inverse_cost, gpu=True)
def inverse(
    responses: xr.Dataset,
    gram: xr.Dataset,
    chosen: xr.Dataset | None = None,
    *,
    alpha: float = 0.0,
    precision: Precision = "auto",
) -> xr.Dataset:
    """Return (K + alpha I)^-1, what all tiles of weights share where features are fewer than voxels."""
    matrix = Matrix.of(responses, None, "all")
    dtype = kept_dtype(precision)
    return lazily(
        INVERSE,
        {"row": matrix.training, "column": len(matrix.pictures[0])},
        partial(_inverse, matrix, gram, penalty(chosen, alpha), dtype),
        dtypes={"inverse": dtype},
    )


def _inverse(
    matrix: Matrix, gram: xr.Dataset, alpha: Penalty, dtype: str, _start: int, _stop: int
) -> Mapping[str, np.ndarray]:
    return {"inverse": ridge.host(_merged(matrix, gram, alpha)).astype(dtype, copy=False)}


def _merged(matrix: Matrix, gram: xr.Dataset, alpha: Penalty) -> Array:
    pictures, of_row = matrix.pictures
    found = ridge.factorise(ridge.put(owned(gram.gram)), float(alpha), overwrite=True).inverse()
    return ridge.merge_columns(found, of_row, len(pictures))


def parts_memory(responses: xr.Dataset, itemsize: int) -> int:
    """Return the bytes of voxels in passing: as stored, joined across chunks, and centred."""
    return responses.sizes["row"] * ridge.WIDTH * (2 * 4 + itemsize)


def _left_cost(output: xr.Dataset, responses: xr.Dataset, gram: xr.Dataset, **_inputs: xr.Dataset) -> Cost:
    n, parts = gram.sizes["column"], parts_memory(responses, gram.gram.dtype.itemsize)
    flops = float(n) ** 3 + ridge.predict_flops(n, output.sizes["voxel"], output.sizes["column"])
    merged = n * output.sizes["column"] * gram.gram.dtype.itemsize
    passing = parts + ridge.WIDTH * output.sizes["column"] * gram.gram.dtype.itemsize
    return Cost(memory=merged + max(gram.gram.nbytes, output.nbytes + passing), flops=flops)


@stage("regress", version=1, schema=LEFT, cost=_left_cost, gpu=True)
def dual_left(
    responses: xr.Dataset,
    gram: xr.Dataset,
    voxels: xr.Dataset | None = None,
    chosen: xr.Dataset | None = None,
    *,
    alpha: float = 0.0,
    rois: str = "all",
    precision: Precision = "auto",
) -> xr.Dataset:
    """Return Xc^T (K + alpha I)^-1, what all tiles share where voxels are no more than features."""
    matrix = Matrix.of(responses, voxels, rois)
    dtype = kept_dtype(precision)
    return lazily(
        LEFT,
        {"voxel": matrix.voxels, "column": len(matrix.pictures[0])},
        partial(_left, matrix, gram, penalty(chosen, alpha), dtype),
        coords={"image_id": ("column", matrix.pictures[0])},
        dtypes={"left": dtype},
        leave_out=("held_out",),
    )


def _left(
    matrix: Matrix, gram: xr.Dataset, alpha: Penalty, dtype: str, _start: int, _stop: int
) -> Mapping[str, np.ndarray]:
    merged = _merged(matrix, gram, alpha)
    found = np.empty((matrix.voxels, merged.shape[1]), dtype)
    multiply(matrix, merged, found)
    return {"left": found, "alpha": np.asarray(float(alpha))}


def multiply(matrix: Matrix, rows: Array, out: np.ndarray) -> np.ndarray:
    """Write Xc^T rows into `out`, voxels streaming past; return the voxels' training means.

    `rows` are on the device in use, `out` is on the host.
    """
    start, means = 0, np.empty(matrix.voxels)
    for part in map(ridge.put, matrix.training_parts()):
        at, of_part = slice(start, start + part.shape[1]), ridge.column_means(part)
        means[at] = ridge.host(of_part)
        out[at] = ridge.host(ridge.centred(part, of_part, ridge.precision_of(rows)).T @ rows)
        start = at.stop
    return means
