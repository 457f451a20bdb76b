"""Weigh: the ridge's weights, on demand. Predictions never need them; maps on the brain and other tools do.

They are made a tile of features at a time, through whichever of voxels or features is fewer: once
B = Xc^T (K + alpha I)^-1 and for each tile B Y, or once C = (K + alpha I)^-1 and for each tile Xc^T (C Y),
voxels streaming past.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any

import numpy as np

from storage.chunks import even_edges
from storage.schema import Schema, Variable

from .. import ridge
from ..stage import Cost, lazily, stage
from .featurize import FEATURES
from .matrix import Matrix
from .positions import positions
from .predict import named_features
from .smooth import LEFT, penalty
from .spectrum import kept_dtype, read_spectrum

if TYPE_CHECKING:
    from collections.abc import Mapping

    import xarray as xr

    from .smooth import Penalty
    from .spectrum import Precision

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

INVERSE = Schema(
    {
        "inverse": Variable(
            ("row", "column"),
            "float32|float64",
            "1",
            "inverse of the training rows' Gram with the penalty on its diagonal",
            "A column a distinct training picture: those of its rows are summed.",
        )
    }
)


def _inverse_cost(output: xr.Dataset, gram: xr.Dataset, **_inputs: xr.Dataset) -> Cost:
    return Cost(memory=5 * gram.gram.nbytes + 2 * output.nbytes, flops=float(gram.sizes["column"]) ** 3)


@stage("regress", version=1, schema=INVERSE, cost=_inverse_cost)
def inverse(
    responses: xr.Dataset,
    gram: xr.Dataset,
    chosen: xr.Dataset | None = None,
    *,
    alpha: float = 0.0,
    precision: Precision = "auto",
) -> xr.Dataset:
    """Return (K + alpha I)^-1, what all tiles of weights share where features are fewer than voxels."""
    matrix = Matrix.of(responses, None, "all")
    dtype = kept_dtype(precision)
    return lazily(
        INVERSE,
        {"row": matrix.training, "column": len(matrix.pictures[0])},
        partial(_inverse, matrix, gram, penalty(chosen, alpha), dtype),
        dtypes={"inverse": dtype},
    )


def _inverse(
    matrix: Matrix, gram: xr.Dataset, alpha: Penalty, dtype: str, _start: int, _stop: int
) -> Mapping[str, np.ndarray]:
    return {"inverse": _merged(matrix, gram, alpha).astype(dtype, copy=False)}


def _merged(matrix: Matrix, gram: xr.Dataset, alpha: Penalty) -> np.ndarray:
    pictures, of_row = matrix.pictures
    found = ridge.factorise(gram.gram.values, float(alpha)).inverse()
    return np.asarray(ridge.merge_columns(found, of_row, len(pictures)))


def _left_cost(output: xr.Dataset, responses: xr.Dataset, gram: xr.Dataset, **_inputs: xr.Dataset) -> Cost:
    n, parts = gram.sizes["column"], 4 * responses.sizes["row"] * ridge.WIDTH * 8
    flops = float(n) ** 3 + ridge.predict_flops(n, output.sizes["voxel"], output.sizes["column"])
    return Cost(memory=5 * gram.gram.nbytes + output.nbytes + parts, flops=flops)


@stage("regress", version=1, schema=LEFT, cost=_left_cost)
def dual_left(
    responses: xr.Dataset,
    gram: xr.Dataset,
    voxels: xr.Dataset | None = None,
    chosen: xr.Dataset | None = None,
    *,
    alpha: float = 0.0,
    rois: str = "all",
    precision: Precision = "auto",
) -> xr.Dataset:
    """Return Xc^T (K + alpha I)^-1, what all tiles share where voxels are no more than features."""
    matrix = Matrix.of(responses, voxels, rois)
    dtype = kept_dtype(precision)
    return lazily(
        LEFT,
        {"voxel": matrix.voxels, "column": len(matrix.pictures[0])},
        partial(_left, matrix, gram, penalty(chosen, alpha), dtype),
        coords={"image_id": ("column", matrix.pictures[0])},
        dtypes={"left": dtype},
        leave_out=("held_out",),
    )


def _left(
    matrix: Matrix, gram: xr.Dataset, alpha: Penalty, dtype: str, _start: int, _stop: int
) -> Mapping[str, np.ndarray]:
    merged = _merged(matrix, gram, alpha)
    found = np.empty((matrix.voxels, merged.shape[1]), dtype)
    _multiply(matrix, merged, found)
    return {"left": found, "alpha": np.asarray(float(alpha))}


def _multiply(matrix: Matrix, rows: np.ndarray, out: np.ndarray) -> np.ndarray:
    """Write Xc^T rows into `out`, voxels streaming past; return the voxels' training means."""
    start, means = 0, np.empty(matrix.voxels)
    for part in matrix.training_parts():
        at = slice(start, start + part.shape[1])
        means[at] = ridge.column_means(part)
        out[at] = ridge.centred(part, means[at], ridge.precision_of(rows)).T @ rows
        start = at.stop
    return means


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
    kept = sum(dataset.nbytes for name, dataset in shared.items() if name in ("left", "inverse", "spectrum"))
    block = width * (features.sizes["image"] * 8 + 3 * n * 8 + 2 * p * 4)
    through = {
        "left": 0,
        "inverse": ridge.predict_flops(n, n, t),
        "spectrum": 2 * ridge.predict_flops(n, n, t),
    }
    flops = ridge.predict_flops(n, p, t) + sum(through.get(name, 0) for name in shared)
    return Cost(memory=2 * kept + block + 4 * responses.sizes["row"] * ridge.WIDTH * 8, flops=flops)


@stage("regress", version=1, schema=WEIGHTS, cost=_weights_cost)
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
        pictures, of_row = self.matrix.pictures
        seen = self.features.value[:, start:stop].values[self.columns].astype(np.float32, copy=False)
        mean = ridge.moments(seen, np.bincount(of_row, minlength=len(pictures))).mean
        targets = seen - mean
        weight = np.empty((self.matrix.voxels, stop - start), np.float32)
        if self.left is not None:
            weight[:] = self.left.left.values @ targets.astype(self.left.left.dtype)
            means = np.concatenate([ridge.column_means(part) for part in self.matrix.training_parts()])
        else:
            means = _multiply(self.matrix, self._rows(targets[of_row], targets, start, stop), weight)
        return {"weight": weight, "intercept": (mean - means @ weight).astype(np.float32)}

    def _rows(self, of_rows: np.ndarray, targets: np.ndarray, start: int, stop: int) -> Any:
        """Return (K + alpha I)^-1 Y, a row a training row."""
        if self.inverse is not None:
            return self.inverse.inverse.values @ targets.astype(self.inverse.inverse.dtype)
        assert self.spectrum is not None
        assert self.predictions is not None
        spectrum, alphas = read_spectrum(self.spectrum), self.predictions.alpha[start:stop].values
        return ridge.predict_by_alphas(spectrum.vectors, spectrum, spectrum.project(of_rows), alphas)
