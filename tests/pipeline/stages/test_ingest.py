"""What is said of voxels, against plain numpy."""

from __future__ import annotations

import numpy as np
import pytest
import xarray as xr
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays

from pipeline.stages.ingest import validity

EDGES = st.sampled_from([-32768, -32767, -32766, 0, 7, 32766, 32767])


def _betas(values, session):
    coords = {"session": ("trial", np.asarray(session, np.int16))}
    return xr.Dataset({"betas": (("trial", "voxel"), values)}, coords)


@given(
    st.lists(st.integers(1, 4), min_size=1, max_size=3).flatmap(
        lambda lengths: st.tuples(
            st.just(lengths), arrays.arrays(np.int16, (sum(lengths), 6), elements=EDGES)
        )
    )
)
def test_validity_and_saturation(drawn):
    lengths, values = drawn
    session = np.repeat(np.arange(1, len(lengths) + 1), lengths)
    found = validity(_betas(values, session)).compute()
    for number in np.unique(session):
        part = values[session == number].astype(int)
        np.testing.assert_array_equal(found.valid.sel(session=number), part.min(0) != part.max(0))
        np.testing.assert_array_equal(found.saturated.sel(session=number), (abs(part) >= 32767).sum(0))
    assert found.saturated.dtype == np.int32
    assert found.saturated.attrs["comment"]


@pytest.mark.parametrize("dtype", ["float32"])
def test_floats_do_not_saturate(dtype):
    found = validity(_betas(np.array([[1, 4e4], [2, 4e4]], dtype), [1, 1])).compute()
    assert found.valid.values.tolist() == [[True, False]]
    assert "saturated" not in found
