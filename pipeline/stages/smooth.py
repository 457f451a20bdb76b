"""Smooth: the matrix that turns the training pictures' features into predictions of the test rows.

With the smoother S (test row, training picture), predictions are S Y for any targets Y: weights are
never formed, and targets stream past in blocks.
"""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any, TypeAlias

import numpy as np

from storage.schema import Schema, Variable

from .. import ridge
from ..stage import Cost, lazily, stage
from .matrix import Matrix
from .owned import owned

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    import xarray as xr

    from ..ridge.namespace import Array
    from .condition import Precision

    Penalty: TypeAlias = float | xr.DataArray

_HELD_OUT = Variable(
    ("held_out_row", "column"),
    "float64|float32",
    "1",
    "smoother of training rows by ridges that saw no row of their picture",
    'For correction = "stored": the moments of its predictions can be told without a test set.',
    optional=True,
)
_ALPHA = Variable(
    (), "float64", "1", "ridge penalty", "In scikit-learn's units: not divided by the number of rows."
)

SMOOTHER = Schema(
    {
        "smoother": Variable(
            ("row", "column"),
            "float64|float32",
            "1",
            "weight of each training picture in each prediction",
            "Intercept folded in: predictions are smoother times the training pictures' features.",
        ),
        "alpha": _ALPHA,
        "held_out": _HELD_OUT,
    }
)

LEFT = Schema(
    {
        "left": Variable(
            ("voxel", "column"),
            "float64|float32",
            "1",
            "weight of each training picture in each voxel's ridge weight",
            "Times centred targets it gives the ridge weights; behind centred test rows, predictions.",
        ),
        "alpha": _ALPHA,
        "held_out": _HELD_OUT,
    }
)


def penalty(chosen: xr.Dataset | None, alpha: float) -> Penalty:
    """Return a given penalty, or the chosen one, which is read when the smoother is made."""
    return alpha if chosen is None else chosen.alpha


def _smoother_like(
    schema: Schema, matrix: Matrix, compute: Any, *, held_out: bool, seed: int, precision: Precision
) -> xr.Dataset:
    """Return the lazy Dataset of a smoother or left factor.

    It is solved for in the Gram's dtype; what multiplies the targets is float32 unless float64 is asked for.
    """
    pictures, _ = matrix.pictures
    dtype = "float64" if precision == "float64" else "float32"
    sizes = {"row": matrix.test, "voxel": matrix.voxels, "column": len(pictures)}
    if held_out:
        sizes["held_out_row"] = len(ridge.sample_rows(matrix.training, seed))
    return lazily(
        schema,
        sizes,
        partial(_rounded, compute, dtype),
        coords={"image_id": ("column", pictures)},
        dtypes={"smoother": dtype, "left": dtype, "held_out": dtype},
        leave_out=() if held_out else ("held_out",),
    )


def _rounded(
    compute: Callable[[int, int], Mapping[str, Array]], dtype: str, start: int, stop: int
) -> Mapping[str, np.ndarray]:
    found = compute(start, stop)
    return {
        **{name: ridge.host(found[name]).astype(dtype, copy=False) for name in found if name != "alpha"},
        "alpha": found["alpha"],
    }


def _smoother_cost(
    output: xr.Dataset, responses: xr.Dataset, gram: xr.Dataset, **_inputs: xr.Dataset
) -> Cost:
    order, held = gram.sizes["column"], output.sizes.get("held_out_row", 0)
    sides = output.sizes.get("row", output.sizes["column"]) + held
    if "voxel" in gram.dims:  # the primal holds all rows of its few voxels
        memory = 3 * gram.gram.nbytes + 3 * output.nbytes + 3 * responses.sizes["row"] * order * 8
    else:  # the factor in the Gram's place; right-hand sides as read, as solved for, in rows, and folded
        tests, rows, itemsize = output.sizes["row"], held * _showings(responses), gram.gram.dtype.itemsize
        memory = gram.gram.nbytes + max(5 * tests, tests + 6 * rows) * order * itemsize
        memory += 2 * rows * order  # which entries are a row's own
    return Cost(memory=memory, flops=ridge.factor_flops(order, sides))


def _showings(responses: xr.Dataset) -> int:
    """Return the largest number of training rows that saw one picture."""
    _, of_row = Matrix.of(responses, None, "all").pictures
    return int(np.bincount(of_row).max())


@stage("regress", version=2, schema=SMOOTHER, cost=_smoother_cost, gpu=True)
def dual_smoother(
    responses: xr.Dataset,
    gram: xr.Dataset,
    cross: xr.Dataset,
    chosen: xr.Dataset | None = None,
    *,
    alpha: float = 0.0,
    held_out: bool = False,
    seed: int = 0,
    precision: Precision = "auto",
) -> xr.Dataset:
    """Return cross (Gram + alpha I)^-1, a column a distinct training picture, the intercept folded in.

    Parameters
    ----------
    responses, gram, cross
        Products of the same rows.
    chosen
        Product `alpha`: the penalty, where it is chosen.
    alpha
        Ridge penalty, above 0, where it is not.
    held_out
        Also keep the leave-one-out smoother of a seeded choice of training rows.
    seed
        Of that choice.
    precision
        "float64" keeps the smoother in it; else it is rounded to float32, in whatever it was solved for.
    """
    matrix = Matrix.of(responses, None, "all")
    compute = partial(_dual_smoother, matrix, gram, cross, penalty(chosen, alpha), held_out, seed)
    return _smoother_like(SMOOTHER, matrix, compute, held_out=held_out, seed=seed, precision=precision)


def _dual_smoother(
    matrix: Matrix,
    gram: xr.Dataset,
    cross: xr.Dataset,
    alpha: Penalty,
    held_out: bool,  # noqa: FBT001  (positional for `partial`)
    seed: int,
    _start: int,
    _stop: int,
) -> Mapping[str, Array]:
    pictures, of_row = matrix.pictures
    lower = ridge.put(owned(gram.gram))
    if held_out:  # before the factor takes the Gram's place
        sample = ridge.sample_rows(matrix.training, seed)
        rows = ridge.partners(sample, of_row)
        whole = ridge.gram_rows(lower, rows)
    factor = ridge.factorise(lower, float(alpha), overwrite=True)
    found = {
        "smoother": ridge.merge_columns(
            ridge.dual_smoother(factor, ridge.put(cross.cross.values)), of_row, len(pictures)
        ),
        "alpha": np.asarray(float(alpha)),
    }
    if held_out:
        hat = ridge.dual_smoother(factor, whole)
        del whole
        found["held_out"] = ridge.merge_columns(
            ridge.leave_out(hat, rows, of_row, sample), of_row, len(pictures)
        )
    return found


@stage("regress", version=2, schema=SMOOTHER, cost=_smoother_cost, gpu=True)
def primal_smoother(  # noqa: PLR0913  (each names one thing a smoother may need said)
    responses: xr.Dataset,
    gram: xr.Dataset,
    voxels: xr.Dataset | None = None,
    chosen: xr.Dataset | None = None,
    *,
    alpha: float = 0.0,
    rois: str = "all",
    held_out: bool = False,
    seed: int = 0,
    precision: Precision = "auto",
) -> xr.Dataset:
    """Return the same smoother through the voxels' Gram: for fewer voxels than training rows."""
    matrix = Matrix.of(responses, voxels, rois)
    compute = partial(_primal, matrix, gram, penalty(chosen, alpha), held_out, seed, "smoother")
    return _smoother_like(SMOOTHER, matrix, compute, held_out=held_out, seed=seed, precision=precision)


@stage("regress", version=2, schema=LEFT, cost=_smoother_cost, gpu=True)
def primal_left(  # noqa: PLR0913  (each names one thing a smoother may need said)
    responses: xr.Dataset,
    gram: xr.Dataset,
    voxels: xr.Dataset | None = None,
    chosen: xr.Dataset | None = None,
    *,
    alpha: float = 0.0,
    rois: str = "all",
    held_out: bool = False,
    seed: int = 0,
    precision: Precision = "auto",
) -> xr.Dataset:
    """Return (Gram + alpha I)^-1 Xc^T: cheaper than a smoother where test rows outnumber voxels."""
    matrix = Matrix.of(responses, voxels, rois)
    compute = partial(_primal, matrix, gram, penalty(chosen, alpha), held_out, seed, "left")
    return _smoother_like(LEFT, matrix, compute, held_out=held_out, seed=seed, precision=precision)


def _primal(
    matrix: Matrix,
    gram: xr.Dataset,
    alpha: Penalty,
    held_out: bool,  # noqa: FBT001
    seed: int,
    form: str,
    _start: int,
    _stop: int,
) -> Mapping[str, Array]:
    pictures, of_row = matrix.pictures
    factor = ridge.factorise(ridge.put(owned(gram.gram)), float(alpha), overwrite=True)
    training, test = matrix.centred()
    if form == "left":
        made = ridge.primal_left(factor, ridge.put(training))
    else:
        made = ridge.primal_smoother(factor, ridge.put(test), map(ridge.put, matrix.training_parts()))
    found = {form: ridge.merge_columns(made, of_row, len(pictures)), "alpha": np.asarray(float(alpha))}
    if held_out:
        sample = ridge.sample_rows(matrix.training, seed)
        rows = ridge.partners(sample, of_row)
        parts = map(ridge.put, matrix.training_parts())
        hat = ridge.primal_smoother(factor, ridge.put(training[rows]), parts)
        found["held_out"] = ridge.merge_columns(
            ridge.leave_out(hat, rows, of_row, sample), of_row, len(pictures)
        )
    return found
