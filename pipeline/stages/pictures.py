"""Ingest: from a source's files to the pictures that were seen, and their captions."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any

import numpy as np

from storage.chunks import even_edges
from storage.fetching import HELD
from storage.schema import Schema, Variable

from ..errors import ShapeError
from ..features.resize import resize
from ..stage import Cost, largest_block, lazily, stage
from .ingest import READ_AHEAD, read_cost

if TYPE_CHECKING:
    from collections.abc import Mapping

    import xarray as xr

    from storage.sources import Pictures, Source

#: Pictures a block: two of DESIGN's (32, H, W, 3) chunks, 35 MB of NSD's pictures.
PICTURES = 64

STIMULI = Schema(
    {
        "picture": Variable(
            ("image", "y", "x", "channel"), "uint8", "1", "picture shown", chunks={"image": 32}
        )
    },
    block="image",
)

CAPTIONS = Schema(
    {"caption": Variable(("image", "slot"), "str", "1", "caption", 'An empty text means "none".')}
)


def _cost(output: xr.Dataset, **_inputs: xr.Dataset) -> Cost:
    """Return the cost of a block; where pictures shrink, this one and the next are held as they came, too."""
    if "resized_from" not in output.picture.attrs:
        return read_cost(output)
    block, side = largest_block(output), output.sizes["y"]
    came = block * int(np.prod(output.picture.attrs["resized_from"])) // side**2
    early = came <= READ_AHEAD
    return Cost(memory=(2 if early else 1) * came + 2 * block + HELD, early=early)


@stage("ingest", version=2, schema=STIMULI, cost=_cost)
def stimuli(*, source: Source, subject: str, size: int | None = None) -> xr.Dataset:
    """Return the distinct pictures.

    Parameters
    ----------
    source, subject
        Where they are, and who saw them.
    size
        Side in pixels to which `resize` shrinks them, while those of the next block come; None leaves them as
        the release has them. Proportions are not kept.

    Returns
    -------
    picture (image, y, x, channel) uint8; its attribute `resized_from` says what (y, x) shrunken ones had.

    Raises
    ------
    ShapeError
        If the release's pictures are smaller than `size`.
    """
    pictures = source.images(subject)
    sizes = dict(zip(("image", "y", "x", "channel"), pictures.shape, strict=True))
    labels = source.labels(subject)
    named = {} if labels is None else {"label": ("image", labels.label.values.astype(object))}
    return lazily(
        STIMULI,
        {**sizes, **({} if size is None else {"y": size, "x": size})},
        partial(_read, pictures),
        coords={**_names(pictures), **named},
        edges=even_edges(sizes["image"], PICTURES),
        **_shrinking(sizes, size),
    )


def _shrinking(sizes: Mapping[str, int], size: int | None) -> dict[str, Any]:
    """Return what `lazily` needs to know of pictures that shrink; nothing where they stay as they are."""
    y, x = sizes["y"], sizes["x"]
    if size is None or size == y == x:
        return {}
    if size > min(y, x):
        raise ShapeError(
            f"[data] picture_size = {size} would enlarge pictures of {y} x {x} pixels, which adds nothing; "
            f"take at most {min(y, x)}, or leave it out"
        )
    return {"attrs": {"picture": {"resized_from": [y, x]}}, "finish": partial(_shrink, size)}


def _read(pictures: Pictures, start: int, stop: int) -> Mapping[str, np.ndarray]:
    return {"picture": pictures.read(start, stop)}


def _shrink(size: int, came: Mapping[str, np.ndarray]) -> Mapping[str, np.ndarray]:
    return {"picture": resize(came["picture"], (size, size))}


def _names(pictures: Pictures) -> dict[str, Any]:
    """Return which pictures these are, and which are held out."""
    numbers = getattr(pictures, "nsd_id", None)
    return {
        "image_id": ("image", np.asarray(pictures.ids, dtype=object)),
        "split": ("image", np.where(pictures.test, "test", "train").astype(object)),
        **({} if numbers is None else {"nsd_id": ("image", numbers)}),
    }


@stage("ingest", version=2, schema=CAPTIONS)
def captions(*, source: Source, subject: str) -> xr.Dataset:
    """Return the pictures' captions."""
    found = source.captions(subject)
    assert found is not None, "asked for the captions of a source that has none"
    return found.assign_coords(_names(source.images(subject)))
