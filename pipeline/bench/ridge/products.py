"""Products of the benchmark: its inputs, made from a seed, and what stages make of them."""

from __future__ import annotations

from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from storage.product import Product
from storage.remote import Location

from ...blocks import Work
from ...portions import Portions
from ...stage import Cost, block_cost, block_of, lazily
from ...stages.featurize import FEATURE, IMAGES
from ...stages.respond import RESPONSES, VOXELS
from .problem import responses, targets

if TYPE_CHECKING:
    from collections.abc import Mapping

    import xarray as xr

    from storage.schema import Schema

    from .problem import Size
    from .workers import Workers

_ABOUT: dict[str, Any] = {"stage": "bench", "version": 1, "settings": {}, "inputs": {}, "made_from": {}}


def paths(folder: str, size: Size) -> tuple[dict[str, str], Path]:
    """Return where the inputs' Zarr groups lie, and a folder for what a contender writes."""
    made = {name: product_of(folder, size, name) for name in ("responses", "features")}
    return {name: product.data.url for name, product in made.items()}, Path(folder)


def product_of(folder: str, size: Size, name: str) -> Product:
    """Return an input's place in the archive of a size."""
    meaning = f"{size.n}-{size.m}-{size.p}" + (f"-{size.t}" if name == "features" else "")
    return product_at(folder, name, meaning)


def product_at(folder: str | Path, name: str, meaning: str = "") -> Product:
    """Return a product's place in a folder."""
    return Product(Location.of(f"{folder}/{name}-{meaning}".rstrip("-")), "bench", name, meaning or name)


def make(
    product: Product, dataset: xr.Dataset, schema: Schema, workers: Workers, cost: Cost | None = None
) -> xr.Dataset:
    """Create a product, have its blocks computed in portions as a run does, seal it, return it opened."""
    product.create(dataset, schema, _ABOUT)
    spans, maker = product.blocks(), block_of(dataset)
    blocks = [Work(block, spans[block], maker) for block in product.missing()]
    workers.write(product, Portions.of(blocks, workers.slots, workers.memory, cost or block_cost(dataset)))
    product.seal(software={})
    return product.open(raw=True)


def inputs(folder: str, size: Size, workers: Workers) -> dict[str, xr.Dataset]:
    """Return responses and features, written where they are not there yet."""
    rows = size.n + size.m
    ids = np.array([str(number) for number in range(rows)], dtype=object)
    split = np.array(["train"] * size.n + ["test"] * size.m, dtype=object)
    numbers = {"repeat": ("row", np.full(rows, -1, np.int16)), "session": ("row", np.ones(rows, np.int16))}
    made = {
        "responses": lazily(
            RESPONSES,
            {"row": rows, "voxel": size.p},
            partial(_responses, size),
            coords={"image_id": ("row", ids), "split": ("row", split), **numbers},
            edges=(*range(0, size.p, VOXELS), size.p),
        ),
        "features": lazily(
            FEATURE,
            {"image": rows, "feature": size.t},
            partial(_features, size),
            coords={"image_id": ("image", ids)},
            edges=(*range(0, rows, IMAGES), rows),
        ),
    }
    schemas = {"responses": RESPONSES, "features": FEATURE}
    found = {}
    for name, dataset in made.items():
        product = product_of(folder, size, name)
        there = product.sealed()
        found[name] = product.open(raw=True) if there else make(product, dataset, schemas[name], workers)
    return found


def _responses(size: Size, start: int, stop: int) -> Mapping[str, np.ndarray]:
    ones = np.ones(stop - start, np.float32)
    return {"response": responses(size, start, stop), "mean": 0 * ones, "std": ones}


def _features(size: Size, start: int, stop: int) -> Mapping[str, np.ndarray]:
    return {"value": targets(size, start, stop - start, 0, size.t)}
