"""The task: compute blocks of a lazy Dataset and store them, on whichever worker."""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple

from storage.errors import Changed, Damaged
from storage.remarks import remarks
from storage.transfer import traffic

from .ridge import CPU, use

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    import xarray as xr

    from storage.product import Product

    from .ridge import Device
    from .step import Origin

#: Most blocks one task takes; a task costs some 10 ms of scheduling and opens its inputs once.
BLOCKS = 8


def groups(missing: Sequence[int], slots: int) -> Iterator[list[int]]:
    """Yield runs of blocks for one task each: about four tasks a slot, never more than `BLOCKS` blocks."""
    size = max(1, min(BLOCKS, len(missing) // (4 * slots)))
    for start in range(0, len(missing), size):
        yield list(missing[start : start + size])


def slice_of(dataset: xr.Dataset, product: Product, block: int) -> xr.Dataset:
    """Return one block of a lazy Dataset, without coordinates and with no task but its own."""
    from dask.base import optimize

    about = product.about()
    bare = dataset.drop_vars(list(dataset.coords))
    if about["block"] is None:
        return bare
    start, stop = about["edges"][block : block + 2]
    part = bare.isel({about["block"]: slice(start, stop)})
    blocked = [name for name, array in part.data_vars.items() if about["block"] in array.dims]
    culled: xr.Dataset = optimize(part[blocked])[0]
    return culled


@dataclass(frozen=True)
class Work:
    """A block to be computed."""

    block: int
    dataset: xr.Dataset
    stamps: Mapping[str, str]
    """Etag, when the run was planned, of each file of the source that it is read from."""
    device: Device = CPU
    """Where its arrays are computed."""


class Written(NamedTuple):
    """What became of a block."""

    stored: int
    """Bytes in the archive."""
    moved: int
    """Bytes read from the source."""
    requests: int
    """Requests that took."""
    notes: tuple[str, ...]
    """What the user should know."""


def write_blocks(product: Product, blocks: Sequence[Work], origin: Origin | None) -> list[Written]:
    """Compute and store blocks, on a worker."""
    return [_write_block(product, work, origin) for work in blocks]


def write_together(product: Product, work: Work) -> list[Written]:
    """Do one worker's part of a block that several make: all compute, the first of them stores it."""
    from cluster import seat

    if seat().rank == 0:
        return write_blocks(product, [work], None)
    _computed(product, work)
    return []


def _write_block(product: Product, work: Work, origin: Origin | None) -> Written:
    remarks.clear()
    began, bytes_before, requests_before = time.perf_counter(), traffic.bytes, traffic.requests
    computed = _computed(product, work)
    moved, notes = traffic.bytes - bytes_before, tuple(remarks.notes)
    if origin is not None:
        insist_unchanged(origin, product, work.stamps)
    stored = product.write(work.block, computed, sources=work.stamps, moved=moved, began=began)
    return Written(stored, moved, traffic.requests - requests_before, notes)


def _computed(product: Product, work: Work) -> xr.Dataset:
    try:
        with use(work.device):
            return computed(work.dataset)
    except ValueError as error:
        if "checksum" in str(error):  # zarr's crc32c codec, on reading an input
            raise Damaged(f"an input of {product}, block {work.block}, is damaged ({error})") from None
        raise


def computed(dataset: xr.Dataset) -> xr.Dataset:
    """Return a Dataset in memory; arrays of one dask chunk are not copied, as `compute` does."""
    from dask.base import compute

    parts = {
        name: array.data.to_delayed(optimize_graph=False).item()
        for name, array in dataset.data_vars.items()
        if array.chunks is not None and set(array.data.numblocks) <= {1}
    }
    # By argument: dask's configuration is one for all threads, and what a block moves is counted in this one.
    found, rest = compute(parts, dataset.drop_vars(list(parts)), scheduler="synchronous")
    whole = {name: (dataset[name].dims, values) for name, values in found.items()}
    return dataset.assign({name: whole.get(name, rest.get(name)) for name in dataset.data_vars})


def insist_unchanged(origin: Origin, product: Product, planned: Mapping[str, str]) -> None:
    """Look at a block's files again after it was read.

    Raises
    ------
    Changed
        If one was replaced since the run was planned: the block may hold the new bytes, or some of each.
    """
    now = origin.restamp(planned)
    for name, etag in planned.items():
        if now.get(name) != etag:
            raise Changed(
                f"{name} changed while {product} was being made from it (was {etag}, is {now.get(name)}); "
                "nothing of the block was kept: run the same command again once the file rests"
            )
