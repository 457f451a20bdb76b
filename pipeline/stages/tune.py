"""Tune: predictions with an alpha of its own for every feature, chosen as its block streams past."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from storage.chunks import even_edges

from .. import ridge
from ..errors import ShapeError
from ..ridge.correction import TILE
from ..ridge.namespace import namespace_of, on_device
from ..stage import Cost, lazily, stage
from .coordinates import picture_coords
from .featurize import FEATURES
from .held_out import HeldOut, scoring_memory
from .matrix import Matrix
from .positions import features_at, passing_memory, positions
from .predict import PREDICTIONS, Correction, named_features, singles
from .spectrum import read_spectrum

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    import xarray as xr

    from ..ridge.namespace import Array
    from .held_out import By


def _tuned_cost(
    output: xr.Dataset,
    responses: xr.Dataset,
    spectrum: xr.Dataset,
    projection: xr.Dataset,
    features: xr.Dataset,
) -> Cost:
    n, r = spectrum.sizes["row"], spectrum.sizes["component"]
    m, t = output.sizes["row"], output.sizes["feature"]
    candidates, by_gcv = output.attrs["candidates"], output.attrs["by"] == "gcv"
    width, itemsize = min(FEATURES, t), spectrum.eigenvector.dtype.itemsize
    held = width * (4 * m + itemsize * (n + r))
    at_work = max(
        width * 4 * n + passing_memory(features, width),
        scoring_memory(responses, output.attrs["by"], width, itemsize),
        width * m * 6 * itemsize + 3 * r * min(TILE, width) * 8,
    )
    flops = ridge.selection_flops(n, t, candidates, gcv=by_gcv, spectral=True) + ridge.predict_flops(r, m, t)
    return Cost(memory=spectrum.nbytes + projection.nbytes + held + at_work, flops=flops)


@stage("regress", version=3, schema=PREDICTIONS, cost=_tuned_cost, gpu=True)
def tuned_predictions(
    responses: xr.Dataset,
    spectrum: xr.Dataset,
    projection: xr.Dataset,
    features: xr.Dataset,
    *,
    candidates: Sequence[float],
    by: By = "gcv",
    correction: Correction = "none",
    seed: int = 0,
) -> xr.Dataset:
    """Return the predicted features of the test rows, each by the alpha that tells it best when held out.

    Parameters
    ----------
    responses
        For the rows' pictures and folds.
    spectrum, projection
        Of the same responses.
    features
        The feature space to predict.
    candidates
        Smallest, largest, and how many: evenly spaced in their logarithm.
    by
        "gcv", "loo" or "kfold", as for a whole space.
    correction
        As for one alpha; "stored" takes each feature's held-out predictions at its own alpha.
    seed
        Of the training rows that "stored" looks at.

    Raises
    ------
    RecipeError
        If rows of one picture would be scored against each other.
    ShapeError
        If a picture has no features, or a single test row is to be corrected by its own batch.
    """
    matrix = Matrix.of(responses, None, "all")
    test_ids = responses.image_id.values[matrix.training :]
    if correction == "test-batch" and len(test_ids) < 2:
        raise ShapeError('correction = "test-batch" needs two test rows at least, found 1; use "stored"')
    of_pictures = positions(features, matrix.pictures[0])
    tuner = Tuner(
        HeldOut.of(matrix, by),
        spectrum,
        projection,
        features,
        of_pictures[matrix.pictures[1]],
        positions(features, test_ids),
        ridge.grid(*candidates),
        correction,
        seed,
    )
    made = lazily(
        PREDICTIONS,
        {"row": len(test_ids), "feature": features.sizes["feature"]},
        tuner,
        coords={
            **picture_coords("row", responses, slice(matrix.training, None)),
            **{name: ("row", responses[name].values[matrix.training :]) for name in ("repeat", "session")},
            **named_features(features),
        },
        edges=even_edges(features.sizes["feature"], FEATURES),
        attrs={"predicted": {**features.value.attrs, "correction": correction}},
        joint=True,
    )
    return made.assign_attrs(by=by, candidates=int(candidates[2]))


@dataclass(frozen=True)
class Tuner:
    """Chooses alphas for a block of features and predicts it."""

    held: HeldOut
    spectrum: xr.Dataset
    projection: xr.Dataset
    features: xr.Dataset
    rows: np.ndarray
    """Where each training row's picture stands among the features."""
    test: np.ndarray
    """Where each test row's picture does."""
    alphas: tuple[float, ...]
    correction: Correction
    seed: int

    def __call__(self, spans: Sequence[tuple[int, int]]) -> Iterator[Mapping[str, np.ndarray]]:
        """Yield predictions and scores of the features of each span; what they share is read once."""
        spectrum, projection = read_spectrum(self.spectrum), ridge.put(self.projection.projected.values)
        for start, stop in spans:
            yield self._block(spectrum, projection, start, stop)

    def _block(
        self, spectrum: ridge.Spectrum, projection: Array, start: int, stop: int
    ) -> Mapping[str, np.ndarray]:
        targets, of_rows = self._targets(start, stop, spectrum.precision)
        candidates = ridge.by_spectrum(spectrum, targets, self.alphas)
        best = self.held.errors(candidates).best()
        alpha = np.asarray(self.alphas)[ridge.host(best)]
        predicted = ridge.predict_by_alphas(projection, spectrum, candidates[0].projected, ridge.put(alpha))
        predicted = predicted + namespace_of(predicted).astype(of_rows.mean, predicted.dtype)
        stored = None
        if self.correction == "stored":
            stored = self._held_out_moments(candidates, best, of_rows)
            predicted = ridge.restandardize(predicted, stored, of_rows)
        elif self.correction == "test-batch":
            predicted = ridge.restandardize(predicted, ridge.batch_moments(predicted), of_rows)
        true = ridge.put(features_at(self.features, self.test, start, stop))
        return scored(predicted, true, self.test, alpha, stored)

    def _targets(self, start: int, stop: int, dtype: ridge.Precision) -> tuple[Array, ridge.Moments]:
        """Return the training rows' features less their means, and their moments."""
        seen = ridge.put(features_at(self.features, self.rows, start, stop))
        of_rows = ridge.moments(seen)
        return ridge.centred_targets(seen, of_rows, dtype), of_rows

    def _held_out_moments(
        self, candidates: list[ridge.BySpectrum], best: Array, of_rows: ridge.Moments
    ) -> ridge.Moments:
        """Return the moments of held-out predictions of a seeded choice of training rows."""
        sample = ridge.sample_rows(len(self.rows), self.seed)
        groups = ridge.Groups.of(self.held.pictures, sample)
        left = _rows(ridge.held_out_by_best(candidates, best, groups), np.searchsorted(groups.chosen, sample))
        mean = namespace_of(left).astype(of_rows.mean, left.dtype)
        # what is not named is gone when the next is there
        return ridge.moments(_rows(candidates[0].targets, sample) - left + mean)


def _rows(values: Array, rows: np.ndarray) -> Array:
    """Return some rows, on the device of the values."""
    return namespace_of(values).take(values, on_device(rows, values), axis=0)


def scored(
    predicted: Array,
    true: Array,
    pictures: np.ndarray,
    alpha: np.ndarray,
    stored: ridge.Moments | None,
) -> Mapping[str, np.ndarray]:
    """Return a block of product `predictions`, of arrays on the device in use."""
    agreement = ridge.scores(predicted, true)
    unknown = np.full(len(alpha), np.nan, np.float32)
    return {
        "predicted": singles(predicted),
        "r": singles(agreement.r),
        "r2": singles(agreement.r2),
        "ceiling": singles(ridge.ceiling(predicted, pictures)),
        "alpha": alpha.astype(np.float64),
        "stored_mean": singles(stored.mean) if stored else unknown,
        "stored_std": singles(stored.std) if stored else unknown,
    }
