"""Featurize, from captions instead of pixels: how often each word is said of a picture."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

import numpy as np

from storage.chunks import even_edges

from ..errors import ShapeError
from ..features import words
from ..stage import Cost, largest_block, lazily, stage
from .coordinates import picture_coords
from .featurize import FEATURE, IMAGES, as_stored

if TYPE_CHECKING:
    from collections.abc import Mapping

    import xarray as xr


def _words_cost(output: xr.Dataset, captions: xr.Dataset, **_inputs: xr.Dataset) -> Cost:
    return Cost(memory=captions.nbytes + 3 * largest_block(output))


@stage("featurize", version=2, schema=FEATURE, cost=_words_cost)
def word_features(
    stimuli: xr.Dataset, captions: xr.Dataset, *, least: int = 2, dtype: str = "float32"
) -> xr.Dataset:
    """Return how often each word stands in a picture's captions, averaged over the captions.

    The words are those of the training captions, read now: how many there are is the features' width,
    which must be known before any block. Coordinate `word` names each feature.

    Parameters
    ----------
    stimuli
        Product `stimuli`, for the pictures' ids and which are for training.
    captions
        Product `captions`, of the same pictures in the same order.
    least
        Training pictures that a word must stand with.
    dtype
        How values are stored.

    Raises
    ------
    ShapeError
        If captions and pictures do not pair up, or no word stands with enough pictures.
    """
    check_paired(stimuli, captions)
    known = words.vocabulary(captions.caption.values[stimuli.split.values == "train"], least)
    if not known:
        raise ShapeError(
            f"no word stands in the captions of {least} training pictures or more; "
            "lower `least`, or give the training pictures captions"
        )
    return lazily(
        FEATURE,
        {"image": stimuli.sizes["image"], "feature": len(known)},
        partial(_encode, captions, stimuli.image_id.values, known, dtype),
        coords={
            **picture_coords("image", stimuli),
            "split": ("image", stimuli.split.values),
            "word": ("feature", np.array(known, object)),
        },
        edges=even_edges(stimuli.sizes["image"], IMAGES),
        dtypes={"value": dtype},
        attrs={"value": {"unflattened": [len(known)], "model": "words"}},
    )


def check_paired(stimuli: xr.Dataset, captions: xr.Dataset) -> None:
    """Raise `ShapeError` where captions are of other pictures, or in another order."""
    pictures, described = stimuli.sizes["image"], captions.sizes["image"]
    if pictures != described:
        raise ShapeError(
            f"there are captions of {described} pictures, expected one row for each of {pictures}; "
            "both must be made of the same data"
        )
    if "image_id" in captions and (captions.image_id.values != stimuli.image_id.values).any():
        raise ShapeError("captions are in another order than the pictures; make both of the same data")


def _encode(
    captions: xr.Dataset, pictures: np.ndarray, known: tuple[str, ...], dtype: str, start: int, stop: int
) -> Mapping[str, np.ndarray]:
    value = words.encode(captions.caption[start:stop].values, known)
    return {"value": as_stored(value, dtype, pictures[start:stop])}
