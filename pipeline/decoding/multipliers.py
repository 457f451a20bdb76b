"""Multipliers: what turns the training pictures' features, a block at a time, into predictions of new rows.

In each, whatever is shared by all blocks of features is made once: the voxels are met before any feature.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Protocol

import numpy as np

from .. import ridge
from ..ridge.namespace import namespace_of, on_device
from ..stages.featurize import FEATURES
from ..stages.weigh import width_of

if TYPE_CHECKING:
    import xarray as xr

    from ..ridge.namespace import Array


@dataclass(frozen=True)
class Seen:
    """Features of the pictures that training rows saw, a block of them."""

    values: Array
    """(picture, feature), distinct pictures."""
    moments: ridge.Moments
    """Over training rows: a picture counts as often as it was seen."""


class Multiplier(Protocol):
    """Predicts blocks of features."""

    @property
    def through(self) -> str:
        """What the predictions go through, for whoever asks later."""
        ...

    @property
    def needs_targets(self) -> bool:
        """Whether the training pictures' features are needed."""
        ...

    @property
    def width(self) -> int:
        """Features a block."""
        ...

    def block(self, start: int, stop: int, seen: Seen | None) -> Array:
        """Return (row, feature) of features `start` to `stop`."""
        ...


@dataclass(frozen=True)
class Smoothed:
    """A smoother of the new rows: cross (Gram + alpha I)^-1, or the same through the voxels' Gram."""

    smoother: np.ndarray
    """(row, picture), the intercept folded in."""
    through: str = "training rows and a factor of the Gram"
    needs_targets: bool = True
    width: int = FEATURES

    def block(self, _start: int, _stop: int, seen: Seen | None) -> Array:
        """Return the smoother times the features."""
        assert seen is not None
        return ridge.predict(ridge.put(self.smoother), seen.values, seen.moments.mean)


@dataclass(frozen=True)
class Left:
    """(G + alpha I)^-1 Xc^T, as a run keeps it where voxels are few; behind it the new rows."""

    left: np.ndarray
    """(voxel, picture)."""
    rows: np.ndarray
    """(row, voxel) less the training mean."""
    through: str = "the stored left factor of weights"
    needs_targets: bool = True
    width: int = FEATURES

    def block(self, _start: int, _stop: int, seen: Seen | None) -> Array:
        """Return the rows times the block's weights."""
        assert seen is not None
        left, rows = ridge.put(self.left), ridge.put(self.rows)
        return ridge.predict_left(left, rows, seen.values, seen.moments.mean)


@dataclass(frozen=True)
class Weighed:
    """Stored weights, read a tile of features at a time."""

    weights: xr.Dataset
    rows: np.ndarray
    """(row, voxel) of the region."""
    through: str = "stored weights"
    needs_targets: bool = False

    @property
    def width(self) -> int:
        """Features a tile."""
        return width_of(self.rows.shape[1])

    def block(self, start: int, stop: int, _seen: Seen | None) -> Array:
        """Return the rows times the weights, and the intercept."""
        weight = ridge.put(self.weights.weight[:, start:stop].values)
        return ridge.put(self.rows) @ weight + ridge.put(self.weights.intercept[start:stop].values)


@dataclass(frozen=True)
class Hidden:
    """What the hidden units of a network make of the new rows."""

    network: xr.Dataset
    hidden: np.ndarray
    """(row, unit)."""
    through: str = "the network's stored weights"
    needs_targets: bool = False
    width: int = FEATURES

    def block(self, start: int, stop: int, _seen: Seen | None) -> Array:
        """Return the units times their weights."""
        out, bias = (self.network[name][..., start:stop].values for name in ("out", "out_bias"))
        return self.hidden @ out + bias


@dataclass(frozen=True)
class Spectral:
    """Each feature by an alpha of its own, through eigenvectors of the Gram.

    For few rows a smoother is made of each alpha, and features meet it alone; for many, features are
    projected on the eigenvectors, as in a run. The first costs 2 rows alphas n^2 operations, the second
    2 n^2 features: both ways the same predictions.
    """

    spectrum: ridge.Spectrum
    projected: Array
    """(row, component): the new rows against the components."""
    alphas: np.ndarray
    """(feature)."""
    of_row: np.ndarray
    """The distinct picture that each training row saw."""
    smoothers: dict[float, Array] = field(default_factory=dict)
    through: str = "training rows and the spectrum of the Gram"
    needs_targets: bool = True
    width: int = FEATURES

    @property
    def by_smoothers(self) -> bool:
        """Whether smoothers cost less, and take no more memory than the eigenvectors do."""
        made = len(np.unique(self.alphas)) * self.projected.shape[0]
        return bool(made <= min(len(self.of_row), len(self.alphas)))

    def block(self, start: int, stop: int, seen: Seen | None) -> Array:
        """Return predictions of the features, each with its alpha."""
        assert seen is not None
        return self._smoothed(start, stop, seen) if self.by_smoothers else self._projected(start, stop, seen)

    def _smoothed(self, start: int, stop: int, seen: Seen) -> Array:
        xp, alphas = namespace_of(seen.values), self.alphas[start:stop]
        found = xp.empty(
            (self.projected.shape[0], stop - start),
            dtype=self.projected.dtype,
            device=self.projected.device,
        )
        for alpha in np.unique(alphas):
            columns = on_device(np.flatnonzero(alphas == alpha), seen.values)
            targets, mean = xp.take(seen.values, columns, axis=1), xp.take(seen.moments.mean, columns)
            found[:, columns] = ridge.predict(self._smoother(float(alpha)), targets, mean)
        return found

    def _smoother(self, alpha: float) -> Array:
        if alpha not in self.smoothers:
            vectors, xp = self.spectrum.vectors, namespace_of(self.projected)
            shrunk = self.projected / xp.astype(self.spectrum.values + alpha, self.projected.dtype)
            whole = ridge.fold_intercept(shrunk @ vectors.T)
            self.smoothers[alpha] = ridge.merge_columns(whole, self.of_row, int(self.of_row.max()) + 1)
        return self.smoothers[alpha]

    def _projected(self, start: int, stop: int, seen: Seen) -> Array:
        xp = namespace_of(seen.values)
        rows = xp.take(seen.values, on_device(self.of_row, seen.values), axis=0)
        centred = ridge.centred_targets(rows, seen.moments, self.spectrum.precision)
        alphas = ridge.put(self.alphas[start:stop])
        targets = self.spectrum.project(centred)
        predicted = ridge.predict_by_alphas(self.projected, self.spectrum, targets, alphas)
        return predicted + xp.astype(seen.moments.mean, predicted.dtype)
