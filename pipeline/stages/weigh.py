"""Weigh: the ridge's weights, on demand. Predictions never need them; maps on the brain and other tools do.

They are made a tile of features at a time, through whichever of voxels or features is fewer: once
B = Xc^T (K + alpha I)^-1 and for each tile B Y, or once C = (K + alpha I)^-1 and for each tile Xc^T (C Y),
voxels streaming past.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from storage.chunks import even_edges
from storage.schema import Schema, Variable

from .. import ridge
from ..ridge.namespace import namespace_of, on_device
from ..stage import Cost, lazily, stage
from .featurize import FEATURES
from .invert import multiply, parts_memory
from .matrix import Matrix
from .positions import features_at, passing_memory, positions
from .predict import named_features
from .spectrum import read_spectrum

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    import xarray as xr

    from ..ridge.namespace import Array


#: Features whose weights are widened to float64 at a time, for the intercepts.
WIDENED = 128
#: Most bytes of a tile of weights; whole-brain weights get narrower tiles.
TILE = 256 * 2**20
#: Features and voxels of a stored chunk, 8 MB.
CHUNK = 1024
VOXELS = 2048

WEIGHTS = Schema(
    {
        "weight": Variable(
            ("voxel", "feature"),
            "float32",
            "1",
            "ridge weight",
            "Response times weight, summed over voxels, plus intercept is the prediction without correction.",
            chunks={"voxel": VOXELS, "feature": CHUNK},
        ),
        "intercept": Variable(("feature",), "float32", "1", "ridge intercept", chunks={"feature": CHUNK}),
    },
    block="feature",
)


def width_of(voxels: int) -> int:
    """Return the features of a tile of weights: a stored chunk of features, or a part where voxels are many.

    >>> width_of(15_724), width_of(226_000)
    (4096, 256)
    """
    width = FEATURES
    while width > 1 and voxels * width * 4 > TILE:
        width //= 2
    return width


def _weights_cost(
    output: xr.Dataset, responses: xr.Dataset, features: xr.Dataset, **shared: xr.Dataset
) -> Cost:
    p, t, n = output.sizes["voxel"], output.sizes["feature"], int((responses.split.values == "train").sum())
    width = min(width_of(p), t)
    held = [dataset for name, dataset in shared.items() if name in ("left", "inverse", "spectrum")]
    kept, itemsize = sum(dataset.nbytes for dataset in held), 8 if _in_float64(held) else 4
    targets, weight, widened = width * n * itemsize, width * p * 4, p * min(width, WIDENED) * 8
    read = width * n * 4 + passing_memory(features, width)
    if "left" in shared:
        tile = weight * itemsize // 4 + (weight if itemsize > 4 else 0)
        work = max(targets + read, targets + tile, weight + widened + parts_memory(responses, 0))
    else:
        passing = parts_memory(responses, itemsize) + width * ridge.WIDTH * itemsize
        work = targets + max(read, targets + 3 * n * min(width, 512) * 8, weight + max(passing, widened))
    through = {
        "left": 0,
        "inverse": ridge.predict_flops(n, n, t),
        "spectrum": 2 * ridge.predict_flops(n, n, t),
    }
    flops = ridge.predict_flops(n, p, t) + sum(through.get(name, 0) for name in shared)
    return Cost(memory=kept + work, flops=flops)


def _in_float64(held: Sequence[xr.Dataset]) -> bool:
    return any(
        array.dtype == np.float64 and array.ndim == 2 for dataset in held for array in dataset.values()
    )


@stage("regress", version=2, schema=WEIGHTS, cost=_weights_cost, gpu=True)
def weights(
    responses: xr.Dataset,
    features: xr.Dataset,
    left: xr.Dataset | None = None,
    inverse: xr.Dataset | None = None,
    spectrum: xr.Dataset | None = None,
    predictions: xr.Dataset | None = None,
    voxels: xr.Dataset | None = None,
    *,
    rois: str = "all",
) -> xr.Dataset:
    """Return the weights that scikit-learn calls ``coef_.T`` and ``intercept_``, before any correction.

    Parameters
    ----------
    responses, features
        What is predicted from what.
    left
        Xc^T (K + alpha I)^-1; or
    inverse
        (K + alpha I)^-1; or
    spectrum, predictions
        Where each feature has the alpha that its predictions tell.
    voxels, rois
        The region, if it is not all.
    """
    matrix = Matrix.of(responses, voxels, rois)
    weigher = Weigher(
        matrix, features, positions(features, matrix.pictures[0]), left, inverse, spectrum, predictions
    )
    axes = [name for name in "ijk" if name in responses.coords] if matrix.known else []
    width = width_of(matrix.voxels)
    return lazily(
        WEIGHTS,
        {"voxel": matrix.voxels, "feature": features.sizes["feature"]},
        weigher,
        coords={
            **{name: ("voxel", responses[name].values[matrix.mask]) for name in axes},
            **named_features(features),
        },
        edges=even_edges(features.sizes["feature"], width),
        chunks={"feature": min(width, CHUNK)},
    )


@dataclass(frozen=True)
class Weigher:
    """Computes a tile of weights."""

    matrix: Matrix
    features: xr.Dataset
    columns: np.ndarray
    left: xr.Dataset | None
    inverse: xr.Dataset | None
    spectrum: xr.Dataset | None
    predictions: xr.Dataset | None

    def __call__(self, start: int, stop: int) -> Mapping[str, np.ndarray]:
        """Return weights and intercepts of features `start` to `stop`."""
        if self.left is not None:
            weight, mean = self._by_left(self.left, start, stop)
            means = np.concatenate([ridge.column_means(part) for part in self.matrix.training_parts()])
        else:
            rows, mean = self._rows(start, stop)
            weight = np.empty((self.matrix.voxels, stop - start), np.float32)
            means = multiply(self.matrix, rows, weight)
        tiles = (weight[:, at : at + WIDENED] for at in range(0, stop - start, WIDENED))
        intercept = mean - np.concatenate([means @ tile for tile in tiles])
        return {"weight": weight, "intercept": intercept.astype(np.float32)}

    def _by_left(self, product: xr.Dataset, start: int, stop: int) -> tuple[np.ndarray, np.ndarray]:
        left = ridge.put(product.left.values)
        targets, mean = self._targets(start, stop, ridge.precision_of(left))
        return ridge.host(left @ targets).astype(np.float32, copy=False), mean

    def _rows(self, start: int, stop: int) -> tuple[Array, np.ndarray]:
        """Return (K + alpha I)^-1 Y, a row a training row, and the targets' means."""
        if self.inverse is not None:
            inverse = ridge.put(self.inverse.inverse.values)
            targets, mean = self._targets(start, stop, ridge.precision_of(inverse))
            return inverse @ targets, mean
        assert self.spectrum is not None
        assert self.predictions is not None
        spectrum, alphas = read_spectrum(self.spectrum), ridge.put(self.predictions.alpha[start:stop].values)
        projected, mean = self._projected(spectrum, start, stop)
        return ridge.predict_by_alphas(spectrum.vectors, spectrum, projected, alphas), mean

    def _projected(self, spectrum: ridge.Spectrum, start: int, stop: int) -> tuple[Array, np.ndarray]:
        targets, mean = self._targets(start, stop, spectrum.precision)
        if targets.shape[0] < self.matrix.training:
            of_row = on_device(self.matrix.pictures[1], targets)
            targets = namespace_of(targets).take(targets, of_row, axis=0)
        return spectrum.project(targets), mean

    def _targets(self, start: int, stop: int, dtype: ridge.Precision) -> tuple[Array, np.ndarray]:
        """Return the distinct training pictures' features less the training rows' means, and these."""
        pictures, of_row = self.matrix.pictures
        seen = ridge.put(features_at(self.features, self.columns, start, stop))
        mean = ridge.moments(seen, np.bincount(of_row, minlength=len(pictures))).mean
        return ridge.centred(seen, mean, dtype), ridge.host(mean)
