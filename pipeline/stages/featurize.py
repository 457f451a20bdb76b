"""Featurize: from pictures to the feature spaces the ridge predicts; no brain data involved."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any, Literal

import numpy as np

from storage.chunks import even_edges
from storage.schema import Schema, Variable

from ..errors import ShapeError
from ..features import pca, pixels
from ..features.resize import resize
from ..stage import Cost, largest_block, lazily, stage
from .coordinates import picture_coords
from .stack import Stack

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    import xarray as xr

#: Pictures a block; features are stored in chunks of (512 images, 4096 features).
IMAGES = 512
#: Pictures read at a time: a chunk of `stimuli`.
READ = 32
#: Features a chunk, and so a block of predictions.
FEATURES = 4096

FEATURE = Schema(
    {
        "value": Variable(
            ("image", "feature"),
            "float32|float16",
            "1",
            "coordinate in the feature space",
            "Attribute `unflattened` is the shape before flattening, C order.",
            chunks={"image": IMAGES, "feature": FEATURES},
        )
    },
    block="image",
)

BASIS = Schema(
    {
        "mean": Variable(
            ("pixel",), "float32", "1", "mean training picture", "Pixels 0 to 1, flattened (y, x, channel)."
        ),
        "component": Variable(("feature", "pixel"), "float32", "1", "principal component"),
        "variance": Variable(
            ("feature",), "float32", "1", "variance along the component, over training pictures"
        ),
    }
)


def _pixel_shape(stimuli: xr.Dataset, size: int) -> tuple[int, int, int]:
    return size, size, stimuli.sizes["channel"]


def _basis_cost(_output: xr.Dataset, stimuli: xr.Dataset, **_inputs: xr.Dataset) -> Cost:
    count, size = stimuli.sizes["image"], int(_output.sizes["pixel"])
    return Cost(memory=3 * count * size * 8, flops=4.0 * count * size * min(count, size))


@stage("featurize", version=1, schema=BASIS, cost=_basis_cost)
def basis(stimuli: xr.Dataset, *, size: int, components: int, seed: int = 0) -> xr.Dataset:
    """Return the principal components of the training pictures, resized to `size`.

    Raises
    ------
    ShapeError
        If there are fewer training pictures or pixels than components.
    """
    shape = _pixel_shape(stimuli, size)
    training = int((stimuli.split.values == "train").sum())
    most = min(training, int(np.prod(shape)))
    if components > most:
        raise ShapeError(
            f"a basis of {components} components asked for, but {training} training pictures "
            f"of {int(np.prod(shape))} pixels have at most {most}; lower `components`"
        )
    return lazily(
        BASIS,
        {"feature": components, "pixel": int(np.prod(shape))},
        partial(_fit, stimuli, size, components, seed),
        attrs={"component": {"unflattened": list(shape)}},
    )


def _fit(
    stimuli: xr.Dataset, size: int, components: int, seed: int, _start: int, _stop: int
) -> Mapping[str, np.ndarray]:
    training = np.flatnonzero(stimuli.split.values == "train")
    found = pca.fit(pixels.encode(_resized(stimuli, training, size), size), components, seed)
    return {
        "mean": found.mean.astype(np.float32),
        "component": found.components.astype(np.float32),
        "variance": found.variance.astype(np.float32),
    }


def read_basis(basis: xr.Dataset) -> pca.Basis:
    """Return the stored basis as the arithmetic takes it."""
    return pca.Basis(basis["mean"].values, basis["component"].values, basis["variance"].values)


def _resized(stimuli: xr.Dataset, at: np.ndarray, size: int) -> np.ndarray:
    """Return some pictures (image, y, x, channel) uint8 at a size, of which few are read at a time."""
    pictures, found = Stack(stimuli.picture, at), np.empty((len(at), *_pixel_shape(stimuli, size)), np.uint8)
    for start in range(0, len(at), READ):
        part = np.arange(start, min(start + READ, len(at)))
        found[part] = resize(pictures[part], (size, size))
    return found


def _features_cost(output: xr.Dataset, stimuli: xr.Dataset, basis: xr.Dataset | None = None) -> Cost:
    """Return the cost by shapes: pictures as they come and resized, their pixels, what is stored."""
    count, dtype = max(output.value.chunks[0]), output.value.dtype
    read = 4 * min(READ, count) * int(np.prod([stimuli.sizes[dim] for dim in ("y", "x", "channel")]))
    told = output.value if basis is None else basis.component
    pixel = count * int(np.prod(told.attrs["unflattened"]))
    values = 4 * pixel if basis is None else 20 * pixel  # components are found in float64
    stored = 0 if basis is None and dtype == np.float32 else largest_block(output)
    return Cost(memory=read + pixel + values + stored + largest_block(output) // dtype.itemsize)


@stage("featurize", version=2, schema=FEATURE, cost=_features_cost)
def features(
    stimuli: xr.Dataset,
    basis: xr.Dataset | None = None,
    *,
    model: Literal["pixels", "pca"],
    size: int,
    components: int = 0,
    dtype: str = "float32",
) -> xr.Dataset:
    """Return the pictures' coordinates in a feature space.

    Parameters
    ----------
    stimuli
        Product `stimuli`.
    basis
        Product `basis`, for model "pca".
    model
        "pixels": values 0 to 1 of the picture resized to `size`; "pca": their principal components.
    size
        Side of the resized picture.
    components
        Number of principal components.
    dtype
        How values are stored.
    """
    shape = _pixel_shape(stimuli, size)
    unflattened: list[int] = [components] if model == "pca" else list(shape)
    return lazily(
        FEATURE,
        {"image": stimuli.sizes["image"], "feature": int(np.prod(unflattened))},
        partial(_encode, stimuli, basis, size, dtype),
        coords={**picture_coords("image", stimuli), "split": ("image", stimuli.split.values)},
        edges=even_edges(stimuli.sizes["image"], IMAGES),
        dtypes={"value": dtype},
        attrs={"value": {"unflattened": unflattened, "model": model}},
    )


def _encode(
    stimuli: xr.Dataset, basis: xr.Dataset | None, size: int, dtype: str, start: int, stop: int
) -> Mapping[str, np.ndarray]:
    value: Any = pixels.encode(_resized(stimuli, np.arange(start, stop), size), size)
    if basis is not None:
        value = pca.encode(value, read_basis(basis))
    return {"value": as_stored(value, dtype, stimuli.image_id.values[start:stop])}


def as_stored(value: np.ndarray, dtype: str, pictures: Sequence[str] | np.ndarray) -> np.ndarray:
    """Return features in the dtype they are stored in.

    Parameters
    ----------
    value
        (image, feature), as they were computed.
    dtype
        float16 or float32.
    pictures
        The pictures' ids, to name one whose features do not fit.

    Raises
    ------
    ShapeError
        If one is not a finite number there: float16 ends at 65504.
    """
    with np.errstate(over="ignore"):
        stored = value.astype(dtype, copy=False)
    finite = np.isfinite(stored)
    if finite.all():
        return stored
    bad = np.argwhere(~finite)
    picture, feature = bad[0]
    cure = 'use dtype = "float32"' if np.isfinite(value).all() else "look at the picture or the model"
    raise ShapeError(
        f"feature {feature} of picture {pictures[picture]} is {value[picture, feature]:g}, no finite "
        f"{dtype} ({len(bad)} such); {cure}"
    )
