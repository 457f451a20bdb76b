"""Predict: the features of the test rows, a block of features at a time, as targets stream past."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Literal

import numpy as np

from storage.chunks import even_edges
from storage.schema import Schema, Variable

from .. import ridge
from ..errors import ShapeError
from ..stage import Cost, lazily, stage
from .coordinates import picture_coords
from .featurize import FEATURES
from .matrix import Matrix

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    import xarray as xr

Correction = Literal["none", "stored", "test-batch"]


def _target(dtype: str, long_name: str, doc: str = "") -> Variable:
    return Variable(("feature",), dtype, "1", long_name, doc, chunks={"feature": FEATURES})


PREDICTIONS = Schema(
    {
        "predicted": Variable(
            ("row", "feature"),
            "float32",
            "1",
            "predicted feature of a test row",
            chunks={"feature": FEATURES},
        ),
        "r": _target(
            "float32",
            "correlation of predicted and true feature over test rows",
            "0 where either is constant.",
        ),
        "r2": _target("float32", "R2 over test rows", "0 for a feature that is constant over test rows."),
        "alpha": _target("float64", "ridge penalty"),
        "stored_mean": _target(
            "float32", "mean of held-out training predictions", 'NaN unless correction = "stored".'
        ),
        "stored_std": _target(
            "float32", "standard deviation of the same", 'NaN unless correction = "stored".'
        ),
    },
    block="feature",
)


def _predictions_cost(
    output: xr.Dataset, smoother: xr.Dataset, features: xr.Dataset, **_inputs: xr.Dataset
) -> Cost:
    width = min(FEATURES, output.sizes["feature"])
    m, columns, targets = output.sizes["row"], smoother.sizes["column"], output.sizes["feature"]
    block = width * 8 * (2 * features.sizes["image"] + 3 * m)
    flops = ridge.predict_flops(columns, m, targets)
    if "left" in smoother:
        voxels = smoother.sizes["voxel"]
        flops = ridge.predict_flops(columns, voxels, targets) + ridge.predict_flops(voxels, m, targets)
    return Cost(memory=2 * smoother.nbytes + block, flops=flops)


@stage("regress", version=2, schema=PREDICTIONS, cost=_predictions_cost)
def predictions(
    responses: xr.Dataset,
    smoother: xr.Dataset,
    features: xr.Dataset,
    voxels: xr.Dataset | None = None,
    *,
    rois: str = "all",
    correction: Correction = "none",
) -> xr.Dataset:
    """Return the predicted features of the test rows, one block of features at a time.

    Parameters
    ----------
    responses
        For the test rows' ids, and how many training rows saw each picture.
    smoother
        Of the same responses.
    features
        The feature space to predict.
    correction
        Ridge shrinks towards the mean; this gives predictions the training rows' mean and spread again:
        "test-batch" from the moments of the whole test set's predictions, as Brain-Diffuser does,
        "stored" from those of held-out training rows, so that a single picture can be decoded.

    Raises
    ------
    ShapeError
        If a picture has no features, or a single test row is to be corrected by its own batch.
    """
    matrix = Matrix.of(responses, voxels, rois)
    count = matrix.training
    test_ids = responses.image_id.values[count:]
    columns = _positions(features, smoother.image_id.values)
    test = _positions(features, test_ids)
    if correction == "test-batch" and len(test) < 2:
        raise ShapeError('correction = "test-batch" needs two test rows at least, found 1; use "stored"')
    return lazily(
        PREDICTIONS,
        {"row": len(test_ids), "feature": features.sizes["feature"]},
        partial(_predict, matrix, smoother, features, columns, test, correction),
        coords={
            **picture_coords("row", responses, slice(count, None)),
            **{name: ("row", responses[name].values[count:]) for name in ("repeat", "session")},
            **_named_features(features),
        },
        edges=even_edges(features.sizes["feature"], FEATURES),
        attrs={"predicted": {**features.value.attrs, "correction": correction}},
    )


def _named_features(features: xr.Dataset) -> dict[str, tuple[str, np.ndarray]]:
    """Return the coordinates that name single features, such as words."""
    named = (name for name, values in features.coords.items() if values.dims == ("feature",))
    return {str(name): ("feature", features[name].values) for name in named}


def _positions(features: xr.Dataset, image_ids: Sequence[str]) -> np.ndarray:
    place = {name: at for at, name in enumerate(features.image_id.values)}
    unknown = [name for name in image_ids if name not in place]
    if unknown:
        raise ShapeError(
            f"picture {unknown[0]} of the responses has no features ({len(unknown)} such); "
            "both must be made of the same data"
        )
    return np.array([place[name] for name in image_ids])


def _predict(
    matrix: Matrix,
    smoother: xr.Dataset,
    features: xr.Dataset,
    columns: np.ndarray,
    test: np.ndarray,
    correction: Correction,
    start: int,
    stop: int,
) -> Mapping[str, np.ndarray]:
    values = features.value[:, start:stop].values.astype(np.float32, copy=False)
    seen, true = values[columns], values[test]
    of_rows = ridge.moments(seen, _showings(matrix))
    if "left" in smoother:
        _, test_rows = matrix.centred()
        predicted = ridge.predict_left(smoother.left.values, test_rows, seen, of_rows.mean)
    else:
        predicted = ridge.predict(smoother.smoother.values, seen)
    stored = None
    if correction == "stored":
        stored = ridge.moments(ridge.predict(smoother.held_out.values, seen))
        predicted = ridge.restandardize(predicted, stored, of_rows)
    elif correction == "test-batch":
        predicted = ridge.restandardize(predicted, ridge.batch_moments(predicted), of_rows)
    agreement = ridge.scores(predicted, true)
    unknown = np.full(stop - start, np.nan, np.float32)
    return {
        "predicted": predicted.astype(np.float32),
        "r": agreement.r.astype(np.float32),
        "r2": agreement.r2.astype(np.float32),
        "alpha": np.full(stop - start, float(smoother.alpha)),
        "stored_mean": stored.mean.astype(np.float32) if stored else unknown,
        "stored_std": stored.std.astype(np.float32) if stored else unknown,
    }


def _showings(matrix: Matrix) -> np.ndarray:
    """Return how many training rows saw each distinct picture, in the order of the smoother's columns."""
    pictures, of_row = matrix.pictures
    return np.bincount(of_row, minlength=len(pictures))
