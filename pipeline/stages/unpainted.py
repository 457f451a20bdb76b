"""Unpainted: pictures that need no generator, for painted ones to be compared with."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

import numpy as np

from storage.chunks import even_edges

from ..features.resize import resize
from ..stage import lazily, stage
from .coordinates import row_coords, test_rows, training_pictures
from .positions import positions
from .reconstruct import IMAGES, ROWS, noise_seeds

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    import xarray as xr


@stage("reconstruct", version=1, schema=IMAGES)
def mean_images(
    responses: xr.Dataset, mean: xr.Dataset, *, name: str, size: int | None = None, seed: int = 0
) -> xr.Dataset:
    """Return the mean training picture for every test row.

    Parameters
    ----------
    responses
        For the test rows.
    mean
        Product `mean-picture`.
    name
        Name of the images.
    size
        Side of the pictures; default that of the training pictures.
    seed
        The recipe's; nothing is drawn, but rows of pictures have a seed.
    """

    def picture(start: int, stop: int) -> np.ndarray:
        levels = np.round(mean["mean"].values).astype(np.uint8)
        return np.broadcast_to(levels, (stop - start, *levels.shape))

    return pictures(test_rows(responses), mean["mean"].shape, size, picture, name, seed, "mean")


@stage("reconstruct", version=1, schema=IMAGES)
def nearest_images(
    stimuli: xr.Dataset,
    responses: xr.Dataset,
    neighbours: xr.Dataset,
    *,
    name: str,
    size: int | None = None,
    seed: int = 0,
) -> xr.Dataset:
    """Return the nearest training picture of every test row.

    Parameters
    ----------
    stimuli, responses
        The pictures, and which of them training rows saw.
    neighbours
        Product `neighbours/<space>`.
    name, size, seed
        As for `mean_images`.
    """
    known = positions(stimuli, training_pictures(responses))

    def picture(start: int, stop: int) -> np.ndarray:
        at = known[neighbours.neighbour.values[start:stop]]
        distinct, back = np.unique(at, return_inverse=True)
        found: np.ndarray = stimuli.picture[distinct].values[back]
        return found

    shape = tuple(stimuli.sizes[dim] for dim in ("y", "x", "channel"))
    return pictures(neighbours, shape, size, picture, name, seed, "nearest")


def pictures(
    rows: xr.Dataset,
    shape: tuple[int, ...],
    size: int | None,
    picture: Callable[[int, int], np.ndarray],
    name: str,
    seed: int,
    generator: str,
    **said: object,
) -> xr.Dataset:
    """Return images of rows, one sample each, that need no noise.

    Parameters
    ----------
    rows
        With their coordinates.
    shape
        (y, x, channel) of what `picture` returns.
    size
        Side of the pictures; default as they are made.
    picture
        Returns (row, y, x, channel) uint8 of some rows.
    name, seed
        As for `mean_images`.
    generator
        Their kind.
    **said
        What else the pictures say of themselves.
    """
    side = (size, size) if size else (shape[0], shape[1])
    noise = partial(noise_seeds, rows.image_id.values, rows["repeat"].values, 1, seed, name)

    def paint(start: int, stop: int) -> Mapping[str, np.ndarray]:
        painted = resize(np.ascontiguousarray(picture(start, stop)), side)
        return {"picture": painted[:, None], "seed": noise(start, stop)}

    count = rows.sizes["row"]
    return lazily(
        IMAGES,
        {"row": count, "sample": 1, "y": side[0], "x": side[1], "channel": shape[2]},
        paint,
        coords=row_coords(rows),
        edges=even_edges(count, ROWS),
        attrs={"picture": {"generator": generator, **said}},
    )
