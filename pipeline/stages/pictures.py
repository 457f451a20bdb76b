"""Ingest: from a source's files to the pictures that were seen, and their captions."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any

import numpy as np

from storage.chunks import even_edges
from storage.schema import Schema, Variable

from ..errors import ShapeError
from ..features.resize import resize
from ..stage import lazily, stage
from .ingest import read_cost

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

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


@stage("ingest", version=2, schema=STIMULI, cost=read_cost)
def stimuli(
    *, source: Source, subject: str, size: int | None = None, stride: int | None = None
) -> xr.Dataset:
    """Return the distinct pictures.

    Parameters
    ----------
    source, subject
        Where they are, and who saw them.
    size
        Side in pixels to which `resize` shrinks each, while others come; None leaves them as the release has
        them. Proportions are not kept.
    stride
        Instead: every so many-th row and column, without a filter, as a published workaround has it.

    Returns
    -------
    picture (image, y, x, channel) uint8; its attribute `resized_from` says what (y, x) shrunken ones had,
    `stride` which pixels were taken.

    Raises
    ------
    ShapeError
        If the release's pictures are smaller than `size`.
    """
    pictures = source.images(subject)
    sizes = dict(zip(("image", "y", "x", "channel"), pictures.shape, strict=True))
    labels = source.labels(subject)
    named = {} if labels is None else {"label": ("image", labels.label.values.astype(object))}
    came = [sizes["y"], sizes["x"]]
    side = [-(-extent // stride) for extent in came] if stride else _side(came, size)
    said = {} if side == came else {"resized_from": came, **({"stride": stride} if stride else {})}
    return lazily(
        STIMULI,
        {**sizes, "y": side[0], "x": side[1]},
        partial(_read, pictures, side, stride or 1),
        coords={**_names(pictures), **named},
        edges=even_edges(sizes["image"], PICTURES),
        attrs={"picture": said},
        joint=True,
    )


def _side(came: list[int], size: int | None) -> list[int]:
    """Return (y, x) of what is stored."""
    if size is not None and size > min(came):
        y, x = came
        raise ShapeError(
            f"[data] picture_size = {size} would enlarge pictures of {y} x {x} pixels, which adds nothing; "
            f"take at most {min(came)}, or leave it out"
        )
    return came if size is None else [size, size]


def _read(
    pictures: Pictures, side: list[int], stride: int, spans: Sequence[tuple[int, int]]
) -> Iterator[Mapping[str, np.ndarray]]:
    """Yield the pictures of each span, each brought to its size as it comes, others on their way."""
    coming, (y, x), channel = pictures.walk(spans), side, pictures.shape[3]
    for start, stop in spans:
        found = np.empty((stop - start, y, x, channel), np.uint8)
        for target in found:
            target[...] = resize(next(coming)[None, ::stride, ::stride], (y, x))[0]
        yield {"picture": found}


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
