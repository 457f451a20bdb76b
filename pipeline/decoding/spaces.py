"""Spaces: the features of new rows, by whichever stored product predicts them at the least cost."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise
from typing import TYPE_CHECKING

import numpy as np

from storage.chunks import even_edges

from .. import ridge
from ..stages.coordinates import row_coords, test_rows
from ..stages.featurize import FEATURES
from ..stages.matrix import Matrix
from ..stages.positions import features_at, positions
from ..stages.predict import named_features, singles
from ..stages.spectrum import read_spectrum
from .multipliers import Hidden, Left, Seen, Smoothed, Spectral, Weighed

if TYPE_CHECKING:
    from collections.abc import Callable

    import xarray as xr

    from ..ridge.namespace import Array
    from ..step import Step
    from .finished import Finished
    from .multipliers import Multiplier

#: Operations that take as long as reading a byte: some 20 GFLOP/s of a core, 1 GB/s of a disk.
PER_BYTE = 20


@dataclass(frozen=True)
class Space:
    """A feature space that a run predicts, for new rows.

    Parameters
    ----------
    name
        Of the space.
    finished
        The run.
    responses
        Its training rows, and the new rows in place of its test rows.
    rows
        (row, voxel) float32: the new rows.
    dataset
        Returns a product as the stages are shown it, with the new rows.
    """

    name: str
    finished: Finished
    responses: xr.Dataset
    rows: np.ndarray
    dataset: Callable[[Step], xr.Dataset]

    @property
    def step(self) -> Step:
        """What made the run's own predictions."""
        return self.finished.steps[f"predictions/{self.name}"]

    @property
    def correction(self) -> str:
        """How predictions get the mean and spread of their targets."""
        return str(self.step.settings["correction"])

    def predictions(self) -> xr.Dataset:
        """Return predicted (row, feature) float32 of the new rows, in memory.

        Attribute `through` says what they went through.

        Raises
        ------
        storage.errors.Unsealed
            If a product that they need is not complete.
        """
        import xarray as xr

        stored = self.finished.open(self.step.product)
        features = self.finished.open(self.step.inputs["features"].product)
        by = self._multiplier(stored, features)
        predicted = np.empty((len(self.rows), features.sizes["feature"]), np.float32)
        for start, stop in pairwise(even_edges(predicted.shape[1], min(FEATURES, by.width))):
            seen = self._seen(features, start, stop) if by.needs_targets or self._corrected else None
            predicted[:, start:stop] = singles(
                self._correct(by.block(start, stop, seen), stored, seen, start)
            )
        attrs = {**stored.predicted.attrs, "through": by.through}
        coords = {**row_coords(test_rows(self.responses)), **named_features(features)}
        return xr.Dataset({"predicted": (("row", "feature"), predicted, attrs)}, coords)

    # --- corrections ---------------------------------------------------------------------------

    @property
    def _corrected(self) -> bool:
        return self.correction != "none"

    def _seen(self, features: xr.Dataset, start: int, stop: int) -> Seen:
        pictures, of_row = self._all.pictures
        values = ridge.put(features_at(features, positions(features, pictures), start, stop))
        return Seen(values, ridge.moments(values, np.bincount(of_row, minlength=len(pictures))))

    def _correct(self, predicted: Array, stored: xr.Dataset, seen: Seen | None, start: int) -> Array:
        """Return a block of predictions with the moments of its targets, where the recipe asks for it."""
        if not self._corrected:
            return predicted
        assert seen is not None
        if self.correction == "test-batch":
            source = ridge.batch_moments(predicted)
        else:
            of_block = slice(start, start + predicted.shape[1])
            known = (stored[name].values[of_block] for name in ("stored_mean", "stored_std"))
            source = ridge.Moments(*(ridge.put(one.astype(np.float64)) for one in known))
        return ridge.restandardize(predicted, source, seen.moments)

    # --- ways ----------------------------------------------------------------------------------

    @property
    def _all(self) -> Matrix:
        return Matrix.of(self.responses, None, "all")

    def _region(self, step: Step) -> Matrix:
        """Return the matrix of the region that a step is told."""
        voxels = self.finished.open(step.inputs["voxels"].product) if "voxels" in step.inputs else None
        return Matrix.of(self.responses, voxels, step.settings.get("rois", "all"))

    def _of_region(self, step: Step) -> np.ndarray:
        """Return the new rows (row, voxel) float32 of the region that a step is told."""
        mask = self._region(step).mask
        return self.rows if mask.all() else self.rows[:, mask]

    def _multiplier(self, stored: xr.Dataset, features: xr.Dataset) -> Multiplier:
        if "network" in self.step.inputs:
            return self._hidden()
        weights = f"weights/{self.name}"
        if self.finished.sealed(weights):
            opened = self.finished.open(weights)
            if self._by_weights(opened, features) <= self._without(stored, features):
                rows = self._of_region(self.finished.steps[weights])
                return Weighed(opened, rows)
        if "spectrum" in self.step.inputs:
            return self._spectral(stored)
        smoother = self.step.inputs["smoother"]
        if "left" in smoother.maker.schema.variables:
            return self._left(smoother)
        return Smoothed(self.dataset(smoother).smoother.values)

    def _hidden(self) -> Hidden:
        step = self.step.inputs["network"]
        network = self.finished.open(step.product)
        x = (self._of_region(step) - network["mean"].values) / network["std"].values
        units = x.astype(np.float32) @ network.into.values + network.into_bias.values
        return Hidden(network, np.maximum(units, 0))

    def _left(self, step: Step) -> Left:
        parts = self._region(step).training_parts()
        means = np.concatenate([ridge.column_means(part) for part in parts])
        rows = ridge.centred(self._of_region(step), means, "float64")
        return Left(self.finished.open(step.product).left.values, rows)

    def _spectral(self, stored: xr.Dataset) -> Spectral:
        spectrum = read_spectrum(self.finished.open(self.step.inputs["spectrum"].product))
        projected = ridge.put(self.dataset(self.step.inputs["projection"]).projected.values)
        return Spectral(spectrum, projected, stored.alpha.values, self._all.pictures[1])

    # --- costs ---------------------------------------------------------------------------------

    def _by_weights(self, weights: xr.Dataset, features: xr.Dataset) -> float:
        """Return the bytes that weights cost: they are read, and for a correction all features too."""
        return float(weights.weight.nbytes + (features.value.nbytes if self._corrected else 0))

    def _without(self, stored: xr.Dataset, features: xr.Dataset) -> float:
        """Return the bytes that are read without weights, and those that could be while factors are made."""
        rows = len(self.rows)
        read = float(features.value.nbytes)
        if "spectrum" in self.step.inputs:
            spectrum = self.step.inputs["spectrum"].dataset
            n, r = spectrum.sizes["row"], spectrum.sizes["component"]
            flops = ridge.predict_flops(r, rows * len(np.unique(stored.alpha.values)), n)
            return float(read + spectrum.nbytes + 4 * n * self.rows.shape[1] + flops / PER_BYTE)
        smoother = self.step.inputs["smoother"]
        if "left" in smoother.maker.schema.variables:
            return float(read + smoother.dataset.left.nbytes)
        gram = smoother.inputs["gram"].dataset.gram
        training = 4 * self._all.training * self.rows.shape[1]
        return float(read + gram.nbytes + training + ridge.factor_flops(gram.shape[1], rows) / PER_BYTE)
