"""Calibrate: give predictions the spread of true features before a generator is shown them.

A ridge shrinks its predictions towards the mean of the training pictures, so that everything looks a little
like the mean picture. "std" undoes it feature by feature, by what the ridge says of training rows it did not
see; "norm" picture by picture, by the mean length of true features, and needs no predictions for that.
"""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

import numpy as np

from storage.schema import Schema, Variable

from .. import ridge
from ..stage import Cost, lazily, stage
from .featurize import FEATURES
from .positions import positions

if TYPE_CHECKING:
    from collections.abc import Mapping

    import xarray as xr


def _of_feature(long_name: str, doc: str = "", *, optional: bool = False) -> Variable:
    return Variable(("feature",), "float64", "1", long_name, doc, optional=optional)


CALIBRATION = Schema(
    {
        "mean": _of_feature("mean of the training rows' true features"),
        "std": _of_feature("standard deviation of the same", "With ddof 0."),
        "norm": Variable((), "float64", "1", "mean length of the same without their mean"),
        "predicted_mean": _of_feature("mean of held-out predictions of the training rows", optional=True),
        "predicted_std": _of_feature("standard deviation of the same", "With ddof 0.", optional=True),
    }
)


def _cost(output: xr.Dataset, features: xr.Dataset, **_inputs: xr.Dataset) -> Cost:
    width = min(FEATURES, output.sizes["feature"])
    return Cost(memory=6 * features.sizes["image"] * width * 8 + 2 * output.nbytes)


@stage("reconstruct", version=1, schema=CALIBRATION, cost=_cost)
def calibration(
    responses: xr.Dataset, features: xr.Dataset, predictions: xr.Dataset | None = None
) -> xr.Dataset:
    """Return what predictions of a space are calibrated by.

    Parameters
    ----------
    responses
        Which pictures training rows saw; a picture counts as often as it was seen.
    features
        The space, for these pictures.
    predictions
        Held-out predictions of the training rows, for "std".

    Raises
    ------
    ShapeError
        If a training picture has no features.
    """
    at = positions(features, responses.image_id.values[responses.split.values == "train"])
    return lazily(
        CALIBRATION,
        {"feature": features.sizes["feature"]},
        partial(_calibration, features, predictions, at),
        leave_out=() if predictions is not None else ("predicted_mean", "predicted_std"),
    )


def _calibration(
    features: xr.Dataset, predictions: xr.Dataset | None, at: np.ndarray, _start: int, _stop: int
) -> Mapping[str, np.ndarray]:
    squares = np.zeros(len(at))
    parts = []
    for start in range(0, features.sizes["feature"], FEATURES):
        true = features.value[:, start : start + FEATURES].values.astype(np.float64)[at]
        known = ridge.moments(true)
        squares += ((true - known.mean) ** 2).sum(axis=1)
        part = {"mean": known.mean, "std": known.std}
        if predictions is not None:
            told = ridge.moments(predictions.predicted[:, start : start + FEATURES].values)
            part |= {"predicted_mean": told.mean, "predicted_std": told.std}
        parts.append(part)
    made = {name: np.concatenate([part[name] for part in parts]) for name in parts[0]}
    return {**made, "norm": np.asarray(np.sqrt(squares).mean())}


def calibrated(values: np.ndarray, known: xr.Dataset) -> np.ndarray:
    """Return predictions (row, feature) float32, calibrated: feature by feature, or row by row.

    Parameters
    ----------
    values
        Predictions of some rows, all features of each.
    known
        Product `calibration/<space>`; feature by feature where it knows predictions.
    """
    target = ridge.Moments(known["mean"].values, known["std"].values)
    if "predicted_mean" in known:
        source = ridge.Moments(known.predicted_mean.values, known.predicted_std.values)
        return np.asarray(ridge.restandardize(values, source, target)).astype(np.float32)
    apart = values - target.mean
    length = np.sqrt((apart**2).sum(axis=1, keepdims=True))
    scale = np.divide(float(known["norm"]), length, out=np.zeros_like(length), where=length > 0)
    return np.asarray(target.mean + scale * apart, dtype=np.float32)
