"""Subset: the voxels that a random removal leaves, a published workaround for matrices that do not fit.

"Decrypting the Brain", a course project on Brain-Diffuser, drew 10,500 of 15,724 voxels to drop, fitted the
ridge on the rest, scored it on the very rows it was fitted to, did so twice, and kept the better draw. It is
here so that one sees what all voxels buy.
"""

from __future__ import annotations

from functools import partial
from itertools import pairwise
from typing import TYPE_CHECKING

import numpy as np

from storage.chunks import even_edges
from storage.schema import Schema, Variable

from .. import ridge
from ..ridge.namespace import namespace_of
from ..stage import Cost, lazily, stage
from .coordinates import voxel_coords
from .featurize import FEATURES
from .matrix import Matrix
from .positions import positions

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    import xarray as xr

SUBSET = Schema(
    {
        "kept": Variable(
            ("voxel",),
            "bool",
            "1",
            "voxel is kept by the better try",
            "Attribute `count` is how many are kept, `of` how many the region holds.",
        ),
        "score": Variable(
            ("try",),
            "float64",
            "1",
            "R2 on the training rows, mean over features",
            "Of the rows the ridge was fitted to, as published: it says little of other pictures.",
        ),
    }
)


def _subset_cost(
    output: xr.Dataset, responses: xr.Dataset, features: xr.Dataset, **_inputs: xr.Dataset
) -> Cost:
    n, t = int((responses.split.values == "train").sum()), features.sizes["feature"]
    depth, tries = int(output.kept.attrs["count"]), output.sizes["try"]
    width = min(FEATURES, t)
    parts = responses.sizes["row"] * ridge.WIDTH * (5 * 4 + 8)
    solved = n * n * 8 + max(parts, n * n * 4)  # one matrix: Gram, factor and inverse in turn
    fitted = n * n * 4 + width * (features.sizes["image"] + 4 * n) * 4
    flops = ridge.gram_band_flops(0, n, depth) + float(n) ** 3 + ridge.predict_flops(n, n, t)
    return Cost(memory=max(solved, fitted), flops=tries * flops)


@stage("gram", version=1, schema=SUBSET, cost=_subset_cost, gpu=True)
def subset(
    responses: xr.Dataset,
    features: xr.Dataset,
    voxels: xr.Dataset | None = None,
    *,
    drop: int,
    seed: int,
    tries: int,
    alpha: float,
    rois: str = "all",
) -> xr.Dataset:
    """Return which voxels a random removal keeps: those of the try whose ridge fits its own rows best.

    Parameters
    ----------
    responses, features
        What the ridge of each try is fitted on, all rows to learn from and all features.
    voxels, rois
        The region that voxels are dropped from, if it is not all.
    drop
        Voxels to drop, fewer than there are.
    seed
        Of numpy's default generator, from which each try draws in turn. Which generator was used for the
        published numbers is not known, so their very voxels can't be had.
    tries
        Draws to choose from.
    alpha
        Ridge penalty.

    Raises
    ------
    ShapeError
        If a picture has no features.
    """
    matrix = Matrix.of(responses, voxels, rois)
    rows = positions(features, responses.image_id.values[: matrix.training])
    return lazily(
        SUBSET,
        {"voxel": responses.sizes["voxel"], "try": tries},
        partial(_subset, matrix, features, rows, (drop, seed, tries), alpha),
        coords=voxel_coords(responses),
        attrs={"kept": {"count": matrix.voxels - drop, "of": matrix.voxels}},
    )


def _subset(
    matrix: Matrix,
    features: xr.Dataset,
    rows: np.ndarray,
    draws: tuple[int, int, int],
    alpha: float,
    _start: int,
    _stop: int,
) -> Mapping[str, np.ndarray]:
    tried = list(_drawn(matrix, *draws))
    score = np.array([_fit(Matrix(matrix.responses, kept), features, rows, alpha) for kept in tried])
    return {"kept": tried[int(np.argmax(score))], "score": score}


def _drawn(matrix: Matrix, drop: int, seed: int, tries: int) -> Iterator[np.ndarray]:
    """Yield the (voxel) bool that each try keeps of the region."""
    random = np.random.default_rng(seed)
    for _ in range(tries):
        kept = matrix.mask.copy()
        kept[random.choice(np.flatnonzero(kept), drop, replace=False)] = False
        yield kept


def _fit(matrix: Matrix, features: xr.Dataset, rows: np.ndarray, alpha: float) -> float:
    """Return the mean R2 of a ridge on its own training rows, targets streaming past in blocks.

    What it leaves of centred targets Y is alpha (K + alpha I)^-1 Y.
    """
    gram = ridge.gram_band(ridge.stream(matrix.training_parts()), 0, matrix.training, "float64")
    inverse = ridge.factorise(gram, alpha, overwrite=True).inverse()
    del gram
    xp = namespace_of(inverse)
    inverse *= alpha
    left = xp.astype(inverse, xp.float32)
    del inverse
    count, total = features.sizes["feature"], 0.0
    for start, stop in pairwise(even_edges(count, FEATURES)):
        values = ridge.put(features.value[:, start:stop].values[rows])
        targets = ridge.centred_targets(values, ridge.moments(values), "float32")
        del values
        total += float(xp.sum(ridge.scores(targets - left @ targets, targets).r2))
    return total / count
