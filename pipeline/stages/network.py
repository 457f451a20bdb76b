"""Network: features by a small network in mini-batches, a published workaround for ridges that do not fit."""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Literal

import numpy as np

from storage.chunks import even_edges
from storage.schema import Schema, Variable

from .. import ridge
from ..errors import ShapeError
from ..stage import Cost, lazily, stage
from ..training.perceptron import BATCH, CHUNK, EPOCHS, UNITS, Perceptron
from .coordinates import picture_coords
from .featurize import FEATURES, IMAGES
from .matrix import Matrix
from .positions import positions
from .predict import PREDICTIONS, named_features
from .targets import Targets
from .tune import scored

if TYPE_CHECKING:
    from collections.abc import Mapping

    import xarray as xr

_CHUNKS = {"feature": FEATURES}

NETWORK = Schema(
    {
        "hidden": Variable(("row", "unit"), "float32", "1", "what a hidden unit makes of a test row"),
        "into": Variable(
            ("voxel", "unit"), "float32", "1", "weight of a standardised voxel in a hidden unit"
        ),
        "into_bias": Variable(("unit",), "float32", "1", "bias of a hidden unit"),
        "out": Variable(
            ("unit", "feature"), "float32", "1", "weight of a hidden unit in a feature", "", _CHUNKS
        ),
        "out_bias": Variable(("feature",), "float32", "1", "bias of a feature", "", _CHUNKS),
        "mean": Variable(("voxel",), "float64", "1", "mean response over the training rows"),
        "std": Variable(
            ("voxel",), "float64", "1", "its standard deviation", "With ddof 0; 1 where it is 0."
        ),
        "loss": Variable(
            ("step",),
            "float64",
            "1",
            "mean squared error while learning",
            f"An entry for each of the {EPOCHS} times a chunk of {CHUNK} rows was gone through, in order.",
        ),
    }
)


def _network_cost(
    output: xr.Dataset, responses: xr.Dataset, features: xr.Dataset, **_inputs: xr.Dataset
) -> Cost:
    n, p, t = int((responses.split.values == "train").sum()), output.sizes["voxel"], features.sizes["feature"]
    held = responses.sizes["row"] * (p + 4 * ridge.WIDTH)
    learned = 6 * UNITS * (p + t)  # parameters, Adam's two moments, gradients, and two passing
    targets = (2 * min(CHUNK, n) + 4 * BATCH) * t
    return Cost(memory=4 * (held + learned + targets), flops=6.0 * EPOCHS * n * UNITS * (p + t))


@stage("regress", version=1, schema=NETWORK, cost=_network_cost)
def network(
    responses: xr.Dataset,
    features: xr.Dataset,
    voxels: xr.Dataset | None = None,
    *,
    seed: int,
    rois: str = "all",
) -> xr.Dataset:
    """Return a network of one hidden layer, learned from the training rows in chunks, in their order.

    All weights hang together, so this is one block; it holds the region's training rows, and the features of
    one chunk of them.

    Parameters
    ----------
    responses, features
        What it learns from.
    voxels, rois
        The region, if it is not all.
    seed
        Of the first weights and of the shuffling inside a chunk.

    Raises
    ------
    ShapeError
        If a picture has no features.
    """
    matrix = Matrix.of(responses, voxels, rois)
    rows = positions(features, responses.image_id.values[: matrix.training])
    chunks = -(-matrix.training // CHUNK)
    return lazily(
        NETWORK,
        {
            "row": matrix.test,
            "voxel": matrix.voxels,
            "unit": UNITS,
            "feature": features.sizes["feature"],
            "step": chunks * EPOCHS,
        },
        partial(_learned, matrix, features, rows, seed),
        coords={
            **picture_coords("row", responses, slice(matrix.training, None)),
            **{
                name: ("voxel", responses[name].values[matrix.mask])
                for name in "ijk"
                if name in responses.coords
            },
        },
    )


def _learned(
    matrix: Matrix, features: xr.Dataset, rows: np.ndarray, seed: int, _start: int, _stop: int
) -> Mapping[str, np.ndarray]:
    x, spread = _standardised(matrix)
    random = np.random.default_rng(seed)
    learner, loss = Perceptron(matrix.voxels, features.sizes["feature"], random), []
    for start in range(0, matrix.training, CHUNK):
        chunk = slice(start, min(start + CHUNK, matrix.training))
        loss += learner.learn(x[chunk], _values(features, rows[chunk]), random)
    return {
        "hidden": learner.hidden(x[matrix.training :]),
        "into": learner.into,
        "into_bias": learner.into_bias,
        "out": learner.out,
        "out_bias": learner.out_bias,
        "mean": spread.mean,
        "std": spread.std,
        "loss": np.array(loss),
    }


def _standardised(matrix: Matrix) -> tuple[np.ndarray, ridge.Moments]:
    """Return all rows, float32, with mean 0 and spread 1 (ddof 0) over the training rows, and both."""
    x, start = np.empty((matrix.training + matrix.test, matrix.voxels), np.float32), 0
    mean, std = np.empty(matrix.voxels), np.empty(matrix.voxels)
    for part in matrix.parts():
        at = slice(start, start + part.shape[1])
        found = ridge.moments(part[: matrix.training])
        mean[at], std[at] = found.mean, np.where(found.std > 0, found.std, 1.0)
        x[:, at] = (part - mean[at]) / std[at]
        start = at.stop
    return x, ridge.Moments(mean, std)


def _values(features: xr.Dataset, rows: np.ndarray) -> np.ndarray:
    """Return the features of some rows' pictures, float32; each picture is read once."""
    distinct, of_row = np.unique(rows, return_inverse=True)
    values: np.ndarray = features.value[distinct].values.astype(np.float32, copy=False)
    return values[of_row]


def _predictions_cost(output: xr.Dataset, network: xr.Dataset, **_inputs: xr.Dataset) -> Cost:
    m, t = output.sizes["row"], output.sizes["feature"]
    width = min(FEATURES, t)
    memory = 2 * network.hidden.nbytes + width * 4 * (8 * m + 2 * UNITS + 6 * IMAGES)
    return Cost(memory=memory, flops=ridge.predict_flops(UNITS, m, t))


@stage("regress", version=1, schema=PREDICTIONS, cost=_predictions_cost)
def network_predictions(
    responses: xr.Dataset,
    network: xr.Dataset,
    features: xr.Dataset,
    *,
    correction: Literal["none", "test-batch"] = "none",
) -> xr.Dataset:
    """Return what a network predicts of the test rows, in the form of a ridge's predictions, without alpha.

    Parameters
    ----------
    responses
        For the test rows' ids, and how many training rows saw each picture.
    network
        Learned from the same responses and features.
    features
        The feature space to predict.
    correction
        As for a ridge; nothing is known of held-out rows, so "stored" can't be had.

    Raises
    ------
    ShapeError
        If a picture has no features, or a single test row is to be corrected by its own batch.
    """
    matrix = Matrix.of(responses, None, "all")
    if correction == "test-batch" and matrix.test < 2:
        raise ShapeError('correction = "test-batch" needs two test rows at least, found 1; use "none"')
    test = slice(matrix.training, None)
    targets = Targets.of(features, list(matrix.pictures[0]), responses.image_id.values[test])
    return lazily(
        PREDICTIONS,
        {"row": matrix.test, "feature": features.sizes["feature"]},
        Predictor(matrix, network, targets, correction),
        coords={
            **picture_coords("row", responses, test),
            **{name: ("row", responses[name].values[test]) for name in ("repeat", "session")},
            **named_features(features),
        },
        edges=even_edges(features.sizes["feature"], FEATURES),
        attrs={"predicted": {**features.value.attrs, "correction": correction, "estimator": "mlp"}},
    )


@dataclass(frozen=True)
class Predictor:
    """Computes a block of predictions from the hidden units of all test rows."""

    matrix: Matrix
    network: xr.Dataset
    targets: Targets
    correction: str

    def __call__(self, start: int, stop: int) -> Mapping[str, np.ndarray]:
        """Return predictions and scores of features `start` to `stop`."""
        out, bias = (self.network[name][..., start:stop].values for name in ("out", "out_bias"))
        predicted = self.network.hidden.values @ out + bias
        true = np.empty(predicted.shape, np.float32)
        seen = self._moments(start, stop, true)
        if self.correction == "test-batch":
            predicted = ridge.restandardize(predicted, ridge.batch_moments(predicted), seen)
        return scored(predicted, true, self.matrix.test_pictures, np.full(stop - start, np.nan), None)

    def _moments(self, start: int, stop: int, true: np.ndarray) -> ridge.Moments:
        """Return the moments of the training rows' targets, and fill in `true` the test rows' own."""
        pictures, of_row = self.matrix.pictures
        counts, seen, at = np.bincount(of_row, minlength=len(pictures)), ridge.RunningMoments(), 0
        counts = counts if self.targets.order is None else counts[self.targets.order]
        for block in self.targets.walk(start, stop, true):
            seen.add(block, counts[at : at + len(block)])
            at += len(block)
        return seen.moments()
