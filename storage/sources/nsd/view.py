"""All 73,000 pictures as one lazy Dataset: what is asked for is read by ranges, and nothing else."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from storage.remote import Location

from .layout import STIMULI
from .stimuli import image_id

if TYPE_CHECKING:
    import os

    import xarray as xr


def open_stimuli(release: Location | str | os.PathLike[str], **storage_options: str | bool) -> xr.Dataset:
    """Open all pictures of a release, wherever it lies, without moving any.

    Nothing is copied and nothing kept: each picture that is computed is one range of `nsd_stimuli.hdf5`, in
    which pictures lie one after the other (that, and where the first begins, is read from the file itself; a
    file in which they don't is read through h5py).

    Parameters
    ----------
    release : Location, str or path
        ``s3://natural-scenes-dataset``, or a folder laid out like it.
    **storage_options
        endpoint_url, profile, anon.

    Returns
    -------
    Dataset
        picture (image, y, x, channel) uint8, lazy; nsd_id (image), which can be selected by, and image_id.

    Raises
    ------
    Missing, Denied, Unreachable
        As the store says.
    Invalid
        If the file does not hold pictures, or is cut.

    Examples
    --------
    >>> pictures = open_stimuli("s3://natural-scenes-dataset", anon=True)  # doctest: +SKIP
    >>> pictures.picture.sel(nsd_id=[46002, 46003]).values.shape  # doctest: +SKIP
    (2, 425, 425, 3)
    """
    import xarray as xr

    from .picture_array import lazily_indexed

    lazy = lazily_indexed(Location.of(release, storage_options) / STIMULI)
    numbers = np.arange(lazy.shape[0], dtype=np.int32)
    picture = xr.Variable(
        ("image", "y", "x", "channel"),
        lazy,
        {"units": "1", "long_name": "picture shown"},
    )
    coords = {
        "nsd_id": ("image", numbers),
        "image_id": ("image", np.array([image_id(number) for number in numbers.tolist()], object)),
    }
    return xr.Dataset({"picture": picture}, coords).set_xindex("nsd_id")
