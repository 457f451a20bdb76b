"""Pictures inside the page."""

from __future__ import annotations

import base64
import io

import dask.array as da
import numpy as np
import pytest
import xarray as xr
from PIL import Image

from pipeline.report.pictures import LONGEST, shown, take


def decoded(uri: str) -> np.ndarray:
    head, _, content = uri.partition(",")
    assert head == "data:image/png;base64"
    return np.asarray(Image.open(io.BytesIO(base64.b64decode(content))))


@pytest.mark.parametrize("channels", [1, 3])
def test_small_pictures_keep_every_pixel(channels):
    picture = np.random.default_rng(0).integers(0, 256, (9, 7, channels)).astype(np.uint8)
    found = shown(picture, "a picture", ".5")
    assert (found.width, found.height, found.squares) == (7, 9, True)
    np.testing.assert_array_equal(decoded(found.uri).reshape(picture.shape), picture)


def test_large_pictures_are_shrunk():
    found = shown(np.zeros((500, 250, 3), np.uint8), "a picture")
    assert (found.width, found.height, found.squares) == (LONGEST // 2, LONGEST, False)
    assert decoded(found.uri).shape == (LONGEST, LONGEST // 2, 3)


@pytest.mark.parametrize("shape", [(4, 4), (4, 4, 2)])
def test_other_shapes_are_refused(shape):
    with pytest.raises(ValueError, match="1 or 3 channels"):
        shown(np.zeros(shape, np.uint8), "a picture")


def test_rows_come_in_the_order_asked_for():
    stored = xr.DataArray(da.arange(100, chunks=10, dtype=np.uint8)[:, None], dims=("row", "x"))
    assert take(stored, [70, 3, 3, 99])[:, 0].tolist() == [70, 3, 3, 99]
