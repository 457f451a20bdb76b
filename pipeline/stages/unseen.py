"""Unseen: what the ridge would have predicted for each training row, had it not seen that row's picture.

Whoever learns from predictions must learn from such: a ridge's answers for rows it was fitted to are too
good, and what it will be given for test rows are not.
"""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

import numpy as np

from storage.chunks import even_edges
from storage.schema import Schema, Variable

from .. import ridge
from ..stage import Cost, lazily, stage
from .featurize import FEATURES
from .matrix import Matrix
from .positions import positions
from .predict import named_features, singles
from .smooth import penalty

if TYPE_CHECKING:
    from collections.abc import Mapping

    import xarray as xr

    from ..ridge.namespace import Array
    from .smooth import Penalty

HELD_OUT = Schema(
    {
        "smoother": Variable(
            ("row", "column"),
            "float64|float32",
            "1",
            "weight of each training picture in a training row's prediction",
            "By a ridge that saw no row of that row's picture; the weight of the picture itself is 0.",
        ),
        "alpha": Variable((), "float64", "1", "ridge penalty"),
    }
)

TRAINING_PREDICTIONS = Schema(
    {
        "predicted": Variable(
            ("row", "feature"),
            "float32",
            "1",
            "held-out prediction for a training row",
            "Left out are all rows of the row's own picture.",
            chunks={"feature": FEATURES},
        )
    },
    block="feature",
)


def _held_out_cost(
    output: xr.Dataset, responses: xr.Dataset, gram: xr.Dataset, **_inputs: xr.Dataset
) -> Cost:
    rows, order = output.sizes["row"], gram.sizes["column"]
    square = rows * rows * gram.gram.dtype.itemsize
    memory = 4 * square + 2 * gram.gram.nbytes
    if "voxel" in gram.dims:
        memory += 3 * responses.sizes["row"] * order * 8
    return Cost(memory=memory, flops=ridge.factor_flops(order, rows))


@stage("regress", version=1, schema=HELD_OUT, cost=_held_out_cost, gpu=True)
def dual_held_out(
    responses: xr.Dataset, gram: xr.Dataset, chosen: xr.Dataset | None = None, *, alpha: float = 0.0
) -> xr.Dataset:
    """Return the leave-one-picture-out smoother of all training rows, through the rows' Gram.

    Parameters
    ----------
    responses, gram
        Products of the same rows.
    chosen
        Product `alpha`: the penalty, where it is chosen.
    alpha
        Ridge penalty, above 0, where it is given.
    """
    matrix = Matrix.of(responses, None, "all")
    return _lazy(matrix, responses, gram, partial(_dual, matrix, gram, penalty(chosen, alpha)))


def _dual(
    matrix: Matrix, gram: xr.Dataset, alpha: Penalty, _start: int, _stop: int
) -> Mapping[str, np.ndarray]:
    lower = ridge.put(gram.gram.values)
    rows = np.arange(matrix.training)
    hat = ridge.dual_smoother(ridge.factorise(lower, float(alpha)), ridge.gram_rows(lower, rows))
    return _without_own(matrix, hat, alpha)


@stage("regress", version=1, schema=HELD_OUT, cost=_held_out_cost, gpu=True)
def primal_held_out(
    responses: xr.Dataset,
    gram: xr.Dataset,
    voxels: xr.Dataset | None = None,
    chosen: xr.Dataset | None = None,
    *,
    alpha: float = 0.0,
    rois: str = "all",
) -> xr.Dataset:
    """Return the same through the voxels' Gram: for fewer voxels than training rows."""
    matrix = Matrix.of(responses, voxels, rois)
    return _lazy(matrix, responses, gram, partial(_primal, matrix, gram, penalty(chosen, alpha)))


def _primal(
    matrix: Matrix, gram: xr.Dataset, alpha: Penalty, _start: int, _stop: int
) -> Mapping[str, np.ndarray]:
    factor = ridge.factorise(ridge.put(gram.gram.values), float(alpha))
    training, _ = matrix.centred()
    parts = map(ridge.put, matrix.training_parts())
    return _without_own(matrix, ridge.primal_smoother(factor, ridge.put(training), parts), alpha)


def _without_own(matrix: Matrix, hat: Array, alpha: Penalty) -> Mapping[str, np.ndarray]:
    pictures, of_row = matrix.pictures
    rows = np.arange(matrix.training)
    left = ridge.leave_out(hat, rows, of_row, rows)
    return {
        "smoother": ridge.host(ridge.merge_columns(left, of_row, len(pictures))),
        "alpha": np.asarray(float(alpha)),
    }


def _lazy(
    matrix: Matrix, responses: xr.Dataset, gram: xr.Dataset, compute: partial[Mapping[str, np.ndarray]]
) -> xr.Dataset:
    pictures, _ = matrix.pictures
    return lazily(
        HELD_OUT,
        {"row": matrix.training, "column": len(pictures)},
        compute,
        coords=_of_rows(responses, matrix.training),
        dtypes={"smoother": str(gram.gram.dtype)},
    )


def _of_rows(responses: xr.Dataset, count: int) -> dict[str, tuple[str, np.ndarray]]:
    names = ("image_id", "repeat", "session")
    return {name: ("row", responses[name].values[:count]) for name in names}


def _predictions_cost(
    output: xr.Dataset, held_out: xr.Dataset, features: xr.Dataset, **_inputs: xr.Dataset
) -> Cost:
    rows, width = output.sizes["row"], min(FEATURES, output.sizes["feature"])
    columns, targets = held_out.sizes["column"], output.sizes["feature"]
    memory = 2 * held_out.nbytes + width * 8 * (2 * features.sizes["image"] + 3 * rows)
    return Cost(memory=memory, flops=ridge.predict_flops(columns, rows, targets))


@stage("regress", version=1, schema=TRAINING_PREDICTIONS, cost=_predictions_cost, gpu=True)
def training_predictions(responses: xr.Dataset, held_out: xr.Dataset, features: xr.Dataset) -> xr.Dataset:
    """Return the held-out predicted features of the training rows, a block of features at a time.

    Parameters
    ----------
    responses
        For the order of the distinct pictures.
    held_out
        Of the same responses.
    features
        The feature space to predict.

    Raises
    ------
    ShapeError
        If a picture has no features.
    """
    pictures, _ = Matrix.of(responses, None, "all").pictures
    columns = positions(features, pictures)
    return lazily(
        TRAINING_PREDICTIONS,
        {"row": held_out.sizes["row"], "feature": features.sizes["feature"]},
        partial(_predict, held_out, features, columns),
        coords={
            **_of_rows(responses, held_out.sizes["row"]),
            **named_features(features),
        },
        edges=even_edges(features.sizes["feature"], FEATURES),
        attrs={"predicted": dict(features.value.attrs)},
    )


def _predict(
    held_out: xr.Dataset, features: xr.Dataset, columns: np.ndarray, start: int, stop: int
) -> Mapping[str, np.ndarray]:
    seen = features.value[:, start:stop].values.astype(np.float32, copy=False)[columns]
    return {"predicted": singles(ridge.predict(ridge.put(held_out.smoother.values), ridge.put(seen)))}
