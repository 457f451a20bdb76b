"""A product to write, seal, damage and read."""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import TYPE_CHECKING

import dask.array as da
import numpy as np
import pytest
import xarray as xr

from storage.archive import Archive
from storage.schema import Schema, Variable

if TYPE_CHECKING:
    from storage.product import Product

SCHEMA = Schema(
    {
        "betas": Variable(
            ("trial", "voxel"), "int16", "percent", "response", chunks={"trial": 4, "voxel": 3}, codec="lz4"
        ),
        "mean": Variable(("trial",), "float32", "percent", "mean", "Over voxels.", chunks={"trial": 4}),
    },
    block="trial",
)
ABOUT = {"stage": "ingest", "version": 1, "settings": {"a": 1}, "inputs": {}}
EDGES = (0, 4, 8, 10)


def _template() -> xr.Dataset:
    """Return the lazy Dataset of the product: three blocks of trials."""
    cuts = tuple(int(size) for size in np.diff(EDGES))
    return xr.Dataset(
        {
            "betas": (
                ("trial", "voxel"),
                da.zeros((10, 7), dtype="int16", chunks=(cuts, 7)),
                {"scale_factor": 0.5},
            ),
            "mean": (("trial",), da.zeros(10, dtype="float32", chunks=(cuts,))),
        },
        coords={
            "image_id": ("trial", np.array([f"n{at}é" for at in range(10)], dtype=object)),
            "repeat": ("trial", np.zeros(10, "int16")),
        },
    )


def _content(block: int) -> xr.Dataset:
    """Return the data of one block."""
    start, stop = EDGES[block : block + 2]
    values = np.arange(start * 7, stop * 7, dtype="int16").reshape(-1, 7)
    return xr.Dataset(
        {"betas": (("trial", "voxel"), values), "mean": (("trial",), values.mean(axis=1, dtype="float32"))}
    )


@dataclass
class Kept:
    """An archive and a product of it."""

    archive: Archive
    product: Product
    schema = SCHEMA

    def template(self) -> xr.Dataset:
        """Return the product's lazy Dataset."""
        return _template()

    def content(self, block: int) -> xr.Dataset:
        """Return the data of one block."""
        return _content(block)

    def create(self, dataset: xr.Dataset | None = None) -> None:
        """Write the frame."""
        self.product.create(_template() if dataset is None else dataset, SCHEMA, ABOUT)

    def write(self, block: int) -> None:
        """Write one block."""
        began = time.perf_counter()
        self.product.write(block, _content(block), sources={"file": "etag"}, moved=3, began=began)

    def finish(self) -> Product:
        """Create, fill and seal the product."""
        self.create()
        for block in self.product.missing():
            self.write(block)
        self.product.seal(software={"python": "3"})
        return self.product


@pytest.fixture
def kept(tmp_path) -> Kept:
    archive = Archive(tmp_path / "archive", must_exist=False)
    archive.create()
    return Kept(archive, archive.product("s1", "betas", "0123456789abcdef"))


@pytest.fixture
def kept_on_s3(s3_server, s3_bucket) -> Kept:
    archive = Archive(f"s3://{s3_bucket}/lab", {"endpoint_url": s3_server}, must_exist=False)
    archive.create()
    return Kept(archive, archive.product("s1", "betas", "0123456789abcdef"))


@pytest.fixture(params=["folder", "s3"])
def anywhere(request) -> Kept:
    return request.getfixturevalue({"folder": "kept", "s3": "kept_on_s3"}[request.param])
