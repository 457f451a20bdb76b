"""Lazy Datasets: blocks are computed when asked for, and are what was declared."""

from __future__ import annotations

import pickle
import weakref
from typing import TYPE_CHECKING

import dask
import numpy as np
import pytest
from dask.base import optimize

from pipeline.stage import block_of, largest_block, lazily, stage
from storage.chunks import even_edges
from storage.schema import Schema, Variable

if TYPE_CHECKING:
    import xarray as xr

SCHEMA = Schema(
    {
        "square": Variable(("row", "feature"), "float32|float64", "1", "square", chunks={"row": 2}),
        "total": Variable(("row",), "int64", "1", "total", chunks={"row": 2}, optional=True),
    },
    block="row",
)


def _compute(start, stop):
    rows = np.arange(start, stop)
    return {"square": np.outer(rows, [1.0, 2.0]).astype(np.float32), "total": rows}


def _lazy(compute=_compute, **changes):
    how = {
        "coords": {"image_id": ("row", np.array(list("abcdefg"), dtype=object))},
        "edges": even_edges(7, 4),
    }
    return lazily(SCHEMA, {"row": 7, "feature": 2}, compute, **{**how, **changes})


def test_blocks_make_the_whole():
    dataset = _lazy()
    assert dataset.chunksizes["row"] == (4, 3)
    np.testing.assert_array_equal(dataset.square.values, np.outer(np.arange(7), [1, 2]))
    np.testing.assert_array_equal(dataset.total.values, np.arange(7))


def test_a_slice_computes_its_own_block_alone_and_once():
    calls = []

    def compute(start, stop):
        calls.append((start, stop))
        return _compute(start, stop)

    part = _lazy(compute).isel(row=slice(4, 7)).drop_vars("image_id")
    (culled,) = optimize(part)
    with dask.config.set(scheduler="synchronous"):
        culled.compute()
    assert calls == [(4, 7)]


def test_a_lazy_dataset_travels():
    copied = pickle.loads(pickle.dumps(_lazy()))
    np.testing.assert_array_equal(copied.total.values, np.arange(7))


@pytest.mark.parametrize(
    "found", [{"square": np.zeros((4, 3), np.float32)}, {"square": np.zeros((4, 2), np.float64)}]
)
def test_a_block_that_is_not_as_declared_is_a_fault_of_the_stage(found):
    dataset = _lazy(lambda start, stop: {**_compute(start, stop), **found})
    with pytest.raises(TypeError, match="square came out as"):
        dataset.square[:4].compute()


def test_optional_variables_may_be_left_out_and_dtypes_chosen():
    dataset = _lazy(
        lambda start, stop: {"square": np.zeros((stop - start, 2))},
        leave_out=["total"],
        dtypes={"square": "float64"},
    )
    assert set(dataset.data_vars) == {"square"}
    assert dataset.square.dtype == np.float64
    SCHEMA.describe(dataset)


def test_the_largest_block_is_counted():
    assert largest_block(_lazy()) == 4 * (2 * 4 + 8)


def test_a_stage_describes_what_it_returns():
    @stage("respond", version=3, schema=SCHEMA)
    def squares() -> xr.Dataset:
        """Return squares."""
        return _lazy()

    assert (squares.name, squares.title, squares.version, squares.__doc__) == (
        "respond",
        "squares",
        3,
        "Return squares.",
    )
    assert squares().square.attrs["long_name"] == "square"
    assert squares().image_id.attrs["long_name"] == "picture"


def test_blocks_of_one_task_are_made_in_one_walk_and_none_is_held():
    walks = []

    def compute(spans):
        walks.append(list(spans))
        for span in spans:
            yield _compute(*span)

    block = block_of(_lazy(compute, joint=True))
    made = block.several([(4, 7), (0, 4)])
    first = next(made)
    held = weakref.ref(first["square"])
    np.testing.assert_array_equal(first["total"], [4, 5, 6])
    del first
    assert held() is None
    np.testing.assert_array_equal(next(made)["total"], np.arange(4))
    assert walks == [[(4, 7), (0, 4)]]
    np.testing.assert_array_equal(_lazy(compute, joint=True).total.values, np.arange(7))


def test_a_block_has_what_lies_along_it_alone():
    schema = Schema({**SCHEMA.variables, "sum": Variable((), "float64", "1", "sum")}, block="row")
    made = lazily(schema, {"row": 7, "feature": 2}, _compute, edges=even_edges(7, 4))
    assert block_of(made).blocked == ["square", "total"]
