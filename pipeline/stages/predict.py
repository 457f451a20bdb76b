"""Predict: the features of the test rows, a block of features at a time, as targets stream past."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

import numpy as np

from storage.chunks import even_edges
from storage.schema import Schema, Variable

from .. import ridge
from ..errors import ShapeError
from ..stage import Cost, lazily, stage
from .coordinates import picture_coords
from .featurize import FEATURES, IMAGES
from .matrix import Matrix
from .targets import Targets

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    import xarray as xr

    from ..ridge.namespace import Array

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
        "ceiling": _target(
            "float32",
            "r that noise in single responses lets any prediction reach",
            "From repeated test rows; NaN where each picture has one. r / ceiling is r without that noise.",
        ),
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
    targets, columns = output.sizes["feature"], smoother.sizes["column"]
    width, m = min(FEATURES, targets), output.sizes["row"]
    rows = smoother.sizes.get("voxel", m) + smoother.sizes.get("held_out_row", 0)
    itemsize = max(array.dtype.itemsize for array in smoother.data_vars.values() if array.ndim)
    passing = 5 * min(IMAGES, features.sizes["image"]) * width * max(itemsize, features.value.dtype.itemsize)
    flops = ridge.predict_flops(columns, rows, targets)
    if "left" in smoother:
        flops += ridge.predict_flops(smoother.sizes["voxel"], m, targets)
    held = 2 * sum(array.nbytes for array in smoother.data_vars.values())
    return Cost(memory=held + width * (2 * rows * itemsize + 5 * m * 4) + passing, flops=flops)


@stage("regress", version=3, schema=PREDICTIONS, cost=_predictions_cost, gpu=True)
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
    if correction == "test-batch" and len(test_ids) < 2:
        raise ShapeError('correction = "test-batch" needs two test rows at least, found 1; use "stored"')
    targets = Targets.of(features, smoother.image_id.values, test_ids)
    return lazily(
        PREDICTIONS,
        {"row": len(test_ids), "feature": features.sizes["feature"]},
        Predictor(matrix, smoother, targets, correction),
        coords={
            **picture_coords("row", responses, slice(count, None)),
            **{name: ("row", responses[name].values[count:]) for name in ("repeat", "session")},
            **named_features(features),
        },
        edges=even_edges(features.sizes["feature"], FEATURES),
        attrs={"predicted": {**features.value.attrs, "correction": correction}},
        joint=True,
    )


def named_features(features: xr.Dataset) -> dict[str, tuple[str, np.ndarray]]:
    """Return the coordinates that name single features, such as words."""
    named = (name for name, values in features.coords.items() if values.dims == ("feature",))
    return {str(name): ("feature", features[name].values) for name in named}


@dataclass(frozen=True)
class Predictor:
    """Computes blocks of predictions on the device in use, from targets that stream past."""

    matrix: Matrix
    smoother: xr.Dataset
    targets: Targets
    correction: Correction

    def __call__(self, spans: Sequence[tuple[int, int]]) -> Iterator[Mapping[str, np.ndarray]]:
        """Yield predictions and scores of the features of each span; the smoother is read once."""
        multiplier = ridge.put(self._multiplier())
        for start, stop in spans:
            yield self._block(multiplier, start, stop)

    def _block(self, multiplier: Array, start: int, stop: int) -> Mapping[str, np.ndarray]:
        true = np.empty((self.matrix.test, stop - start), np.float32)
        found, seen = self._multiplied(multiplier, start, stop, true)
        predicted, held_out = self._parted(found, seen)
        stored = None
        if self.correction == "stored":
            stored = ridge.moments(held_out)
            predicted = ridge.restandardize(predicted, stored, seen.moments())
        elif self.correction == "test-batch":
            predicted = ridge.restandardize(predicted, ridge.batch_moments(predicted), seen.moments())
        agreement = ridge.scores(predicted, ridge.put(true))
        unknown = np.full(stop - start, np.nan, np.float32)
        return {
            "predicted": singles(predicted),
            "r": singles(agreement.r),
            "r2": singles(agreement.r2),
            "ceiling": singles(ridge.ceiling(predicted, self.matrix.test_pictures)),
            "alpha": np.full(stop - start, float(self.smoother.alpha)),
            "stored_mean": singles(stored.mean) if stored else unknown,
            "stored_std": singles(stored.std) if stored else unknown,
        }

    def _multiplied(
        self, multiplier: Array, start: int, stop: int, true: np.ndarray
    ) -> tuple[Array, ridge.RunningMoments]:
        """Return all rows of the multiplier times the targets, the targets' moments, and fill `true`."""
        seen, counts = ridge.RunningMoments(), self._showings()

        def passing() -> Iterator[Array]:
            """Yield the targets a chunk (picture, feature) at a time, summing their moments on the way."""
            at = 0
            for block in self.targets.walk(start, stop, true):
                if self._needs_moments:
                    seen.add(block, counts[at : at + block.shape[0]])
                at += block.shape[0]
                yield block

        return ridge.predict_blocks(multiplier, passing()), seen

    def _multiplier(self) -> np.ndarray:
        """Return what targets are multiplied by: the smoother, below it that of held-out rows, if needed."""
        names = [self._form] + (["held_out"] if self.correction == "stored" else [])
        parts = [self.smoother[name].values for name in names]
        rows = parts[0] if len(parts) == 1 else np.concatenate(parts)
        return rows if self.targets.order is None else rows[:, self.targets.order]

    def _parted(self, found: Array, seen: ridge.RunningMoments) -> tuple[Array, Array]:
        """Return predictions of the test rows and of the held-out rows."""
        if self._form == "smoother":
            return found[: self.matrix.test, :], found[self.matrix.test :, :]
        weights, held_out = found[: self.matrix.voxels, :], found[self.matrix.voxels :, :]
        _, test_rows = self.matrix.centred()
        return ridge.from_weights(weights, ridge.put(test_rows), seen.moments().mean), held_out

    def _showings(self) -> np.ndarray:
        """Return how many training rows saw each distinct picture, in the order in which targets pass."""
        pictures, of_row = self.matrix.pictures
        counts = np.bincount(of_row, minlength=len(pictures))
        return counts if self.targets.order is None else counts[self.targets.order]

    @property
    def _form(self) -> str:
        return "left" if "left" in self.smoother else "smoother"

    @property
    def _needs_moments(self) -> bool:
        return self.correction != "none" or self._form == "left"


def singles(values: Array) -> np.ndarray:
    """Return an array of any device as float32 on the host."""
    return np.ascontiguousarray(ridge.host(values).astype(np.float32, copy=False))
