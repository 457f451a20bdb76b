"""Reconstruct: from predicted features to pictures."""

from __future__ import annotations

import hashlib
from functools import partial
from typing import TYPE_CHECKING, Literal

import numpy as np

from storage.chunks import even_edges
from storage.schema import Schema, Variable

from ..features import pca, pixels
from ..features.resize import resize
from ..stage import lazily, stage
from .calibrate import calibrated
from .coordinates import row_coords
from .featurize import read_basis

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    import xarray as xr

#: Rows a block and a chunk.
ROWS = 32

IMAGES = Schema(
    {
        "picture": Variable(
            ("row", "sample", "y", "x", "channel"),
            "uint8",
            "1",
            "reconstructed picture",
            chunks={"row": ROWS, "sample": 1},
        ),
        "seed": Variable(
            ("row", "sample"),
            "int64",
            "1",
            "seed of the picture's noise",
            "From recipe seed, images name, image_id, repeat and sample; never from the subject.",
            chunks={"row": ROWS},
        ),
    },
    block="row",
)


@stage("reconstruct", version=2, schema=IMAGES)
def images(
    predictions: xr.Dataset,
    basis: xr.Dataset | None = None,
    calibration: xr.Dataset | None = None,
    *,
    name: str,
    generator: Literal["pixels", "pca"],
    samples: int = 1,
    size: int | None = None,
    seed: int = 0,
) -> xr.Dataset:
    """Return pictures painted from predicted features.

    Parameters
    ----------
    predictions
        Predictions of the space the generator inverts.
    basis
        Product `basis`, for generator "pca".
    calibration
        Product `calibration`, if predictions are to be calibrated.
    name
        Name of the images; it enters the seeds, so that two of a recipe differ in their noise.
    generator
        "pixels": the features are the picture; "pca": its principal components.
    samples
        Pictures a row.
    size
        Side of the picture; default that of the feature space.
    seed
        The recipe's.
    """
    shape = _picture_shape(predictions, basis)
    side = (size, size) if size else shape[:2]
    rows = predictions.sizes["row"]
    noise = partial(noise_seeds, predictions.image_id.values, predictions.repeat.values, samples, seed, name)
    return lazily(
        IMAGES,
        {"row": rows, "sample": samples, "y": side[0], "x": side[1], "channel": shape[2]},
        partial(_paint, predictions, basis, calibration, shape, side, noise),
        coords=row_coords(predictions),
        edges=even_edges(rows, ROWS),
        attrs={"picture": {"generator": generator, **_said(calibration)}},
    )


def _said(calibration: xr.Dataset | None) -> dict[str, str]:
    """Return what pictures say of how their predictions were calibrated."""
    if calibration is None:
        return {}
    return {"calibrate": "std" if "predicted_mean" in calibration else "norm"}


def _picture_shape(predictions: xr.Dataset, basis: xr.Dataset | None) -> tuple[int, int, int]:
    kept = predictions.predicted if basis is None else basis.component
    y, x, channel = (int(size) for size in kept.attrs["unflattened"])
    return y, x, channel


def noise_seeds(
    image_id: np.ndarray, repeat: np.ndarray, samples: int, seed: int, name: str, start: int, stop: int
) -> np.ndarray:
    """Return (row, sample) seeds of the rows of one block."""
    found = [
        [noise_seed(seed, name, image, int(showing), sample) for sample in range(samples)]
        for image, showing in zip(image_id[start:stop], repeat[start:stop], strict=True)
    ]
    return np.array(found, np.int64)


def noise_seed(seed: int, name: str, image_id: str, repeat: int, sample: int) -> int:
    """Return the seed of one picture's noise: 63 bits of a sha256.

    >>> noise_seed(0, "final", "nsd46002", -1, 0) == noise_seed(0, "final", "nsd46002", -1, 0)
    True
    """
    text = f"{seed}|{name}|{image_id}|{repeat}|{sample}"
    return int.from_bytes(hashlib.sha256(text.encode()).digest()[:8], "big") & (2**63 - 1)


def _paint(
    predictions: xr.Dataset,
    basis: xr.Dataset | None,
    calibration: xr.Dataset | None,
    shape: tuple[int, int, int],
    side: tuple[int, int],
    noise: Callable[[int, int], np.ndarray],
    start: int,
    stop: int,
) -> Mapping[str, np.ndarray]:
    values = predictions.predicted[start:stop].values
    if calibration is not None:
        values = calibrated(values, calibration)
    if basis is not None:
        values = pca.decode(values, read_basis(basis))
    painted = pixels.decode(values, shape)
    if painted.shape[1:3] != side:
        painted = resize(painted, side)
    seeds = noise(start, stop)
    samples = np.repeat(painted[:, None], seeds.shape[1], axis=1)  # these generators draw no noise
    return {"picture": samples, "seed": seeds}
