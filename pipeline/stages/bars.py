"""Bars: what a decoder has to beat, and what it could reach at best.

The mean of the training pictures, the training picture nearest to each prediction, and the true features of
the test pictures in the place of predicted ones. `unpainted` makes pictures of the first two.
"""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

import numpy as np

from storage.chunks import even_edges
from storage.schema import Schema, Variable

from ..stage import Cost, lazily, stage
from .coordinates import row_coords, test_rows, training_pictures
from .featurize import FEATURES
from .positions import positions
from .reconstruct import ROWS

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    import xarray as xr

MEAN = Schema(
    {"mean": Variable(("y", "x", "channel"), "float64", "1", "mean of the training pictures, 0 to 255")}
)

NEIGHBOURS = Schema(
    {
        "neighbour": Variable(
            ("row",),
            "int64",
            "1",
            "training picture nearest to the prediction",
            "Its place among the distinct pictures of the training rows, in the order of their first rows.",
        ),
        "similarity": Variable(
            ("row",),
            "float64",
            "1",
            "cosine between its features and the predicted ones",
            "Both without the mean of the training pictures' features.",
        ),
    }
)

TRUE_FEATURES = Schema(
    {
        "predicted": Variable(
            ("row", "feature"),
            "float32",
            "1",
            "true feature of a test row's picture",
            "In the place of a predicted one.",
            chunks={"feature": FEATURES},
        )
    },
    block="feature",
)


def _mean_cost(output: xr.Dataset, **_inputs: xr.Dataset) -> Cost:
    return Cost(memory=(ROWS + 4) * 8 * output["mean"].size)


@stage("reconstruct", version=1, schema=MEAN, cost=_mean_cost)
def mean_picture(stimuli: xr.Dataset, responses: xr.Dataset) -> xr.Dataset:
    """Return the mean of the distinct pictures that training rows saw."""
    at = np.sort(positions(stimuli, training_pictures(responses)))
    sizes = {dim: stimuli.sizes[dim] for dim in ("y", "x", "channel")}
    return lazily(MEAN, sizes, partial(_average, stimuli, at))


def _average(stimuli: xr.Dataset, at: np.ndarray, _start: int, _stop: int) -> Mapping[str, np.ndarray]:
    parts = [at[start : start + ROWS] for start in range(0, len(at), ROWS)]
    total = sum(stimuli.picture[part].values.sum(axis=0, dtype=np.int64) for part in parts)
    return {"mean": total / np.float64(len(at))}


def _neighbours_cost(output: xr.Dataset, features: xr.Dataset, **_inputs: xr.Dataset) -> Cost:
    rows, images = output.sizes["row"], features.sizes["image"]
    width = min(FEATURES, features.sizes["feature"])
    memory = 8 * (width * (2 * images + 2 * rows) + 2 * rows * images)
    return Cost(memory=memory, flops=2.0 * rows * images * features.sizes["feature"])


@stage("reconstruct", version=1, schema=NEIGHBOURS, cost=_neighbours_cost)
def neighbours(responses: xr.Dataset, features: xr.Dataset, predictions: xr.Dataset) -> xr.Dataset:
    """Return the training picture whose features are nearest to those predicted of each test row.

    Nearest by cosine after the training pictures' mean is taken off: a ridge's predictions are shrunk towards
    that mean, so by distance the most average pictures would be everybody's neighbours.

    Parameters
    ----------
    responses
        Which pictures training rows saw.
    features
        The space, for these pictures.
    predictions
        Predictions of that space.

    Raises
    ------
    ShapeError
        If a training picture has no features.
    """
    at = positions(features, training_pictures(responses))
    return lazily(
        NEIGHBOURS,
        {"row": predictions.sizes["row"]},
        partial(_nearest, features, predictions, at),
        coords=row_coords(predictions),
    )


def _nearest(
    features: xr.Dataset,
    predictions: xr.Dataset,
    at: np.ndarray,
    _start: int,
    _stop: int,
) -> Mapping[str, np.ndarray]:
    products = np.zeros((predictions.sizes["row"], len(at)))
    squares = np.zeros(len(at))
    length = np.zeros((predictions.sizes["row"], 1))
    for seen, told in _centred(features, predictions, at):
        products += told @ seen.T
        squares += (seen**2).sum(axis=1)
        length += (told**2).sum(axis=1, keepdims=True)
    norms = np.sqrt(length * squares)
    cosine = np.divide(products, norms, out=np.zeros_like(products), where=norms > 0)
    best = cosine.argmax(axis=1)
    return {"neighbour": best.astype(np.int64), "similarity": cosine[np.arange(len(best)), best]}


def _centred(
    features: xr.Dataset, predictions: xr.Dataset, at: np.ndarray
) -> Iterator[tuple[np.ndarray, np.ndarray]]:
    """Yield known and predicted features without the known ones' mean, a stored chunk at a time."""
    for start in range(0, features.sizes["feature"], FEATURES):
        stop = start + FEATURES
        seen = features.value[:, start:stop].values[at].astype(np.float64)
        mean = seen.mean(axis=0)
        yield seen - mean, predictions.predicted[:, start:stop].values - mean


@stage("reconstruct", version=1, schema=TRUE_FEATURES)
def true_features(responses: xr.Dataset, features: xr.Dataset) -> xr.Dataset:
    """Return the features of the pictures that test rows saw, as if a ridge had predicted them perfectly.

    Raises
    ------
    ShapeError
        If a test picture has no features.
    """
    rows = test_rows(responses)
    at = positions(features, rows.image_id.values)

    def value(start: int, stop: int) -> Mapping[str, np.ndarray]:
        return {"predicted": features.value[:, start:stop].values[at].astype(np.float32)}

    count = features.sizes["feature"]
    return lazily(
        TRUE_FEATURES,
        {"row": len(at), "feature": count},
        value,
        coords=row_coords(rows),
        edges=even_edges(count, FEATURES),
        attrs={"predicted": dict(features.value.attrs)},
    )
