"""Pictures of new brain data, for notebooks: one call from voxels to pictures."""

from __future__ import annotations

import warnings
from typing import TYPE_CHECKING

from ..errors import RecipeError
from .decoder import Decoder

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    import numpy as np
    import xarray as xr

    from ..recipe import Recipe


def decode(
    recipe: Recipe,
    voxels: np.ndarray | str | Path,
    images: str | None = None,
    *,
    subject: str | None = None,
    standardized: bool = False,
    image_id: Sequence[str] | None = None,
) -> xr.Dataset:
    """Return pictures of new brain data, painted by what a recipe's run has learned.

    Parameters
    ----------
    recipe
        What was run, to its end.
    voxels
        (row, voxel), or (voxel,) for one row; an array or a .npy file. Columns in the order of product
        `voxels`, percent signal change. Rows are standardised by mean and std of product `responses`.
    images
        Which table of ``[images]``; may be left out where there is one that new rows can be painted by.
    subject
        Whose brain it is; may be left out where the recipe has one.
    standardized
        Whether the rows are standardised already, as they must be where responses are by session or run.
    image_id
        An id a row, from which its noise follows; default the rows' own numbers.

    Returns
    -------
    xr.Dataset
        picture (row, sample, y, x, channel) uint8, seed (row, sample), in memory.

    Raises
    ------
    RecipeError
        If the recipe can't be used so; one sentence, as for all that follow.
    ShapeError, storage.errors.Invalid
        If the voxels are not finite numbers of the run's voxels.
    storage.errors.Missing, storage.errors.Unsealed
        If the run, or the file, is not there or not complete.
    """
    decoder = Decoder.of(recipe, voxels, subject=subject, standardized=standardized, image_id=image_id)
    if decoder.doubt:
        warnings.warn(decoder.doubt, stacklevel=2)
    found = decoder.chosen([] if images is None else [images])
    if len(found) > 1:
        raise RecipeError(f"which images? The recipe has {', '.join(found)}; name one")
    return decoder.painted(found[0])
