"""The task: compute blocks of a product and store them, on whichever worker."""

from __future__ import annotations

import time
from contextlib import closing, contextmanager
from dataclasses import dataclass, field
from functools import partial
from typing import TYPE_CHECKING, NamedTuple

from storage.errors import Changed, Damaged
from storage.remarks import remarks
from storage.transfer import traffic

from .ahead import ahead
from .device import ANY, use

if TYPE_CHECKING:
    from collections.abc import Generator, Iterator, Mapping, Sequence

    import xarray as xr

    from storage.product import Product

    from .block import Block
    from .device import Device
    from .step import Origin


@dataclass(frozen=True)
class Work:
    """A block to be computed."""

    block: int
    span: tuple[int, int]
    """Where it begins and ends along the block dimension."""
    maker: Block
    """Computes it; the same for all blocks of a product."""
    stamps: Mapping[str, str] = field(default_factory=dict)
    """Etag, when the run was planned, of each file of the source that it is read from."""
    device: Device = ANY
    """Where it is computed."""


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


class Computed(NamedTuple):
    """A block in memory, and what that took."""

    dataset: xr.Dataset
    seconds: float
    moved: int
    """Bytes read from the source."""
    requests: int
    notes: tuple[str, ...]


def write_blocks(
    product: Product, blocks: Sequence[Work], origin: Origin | None, *, early: bool = False
) -> list[Written]:
    """Compute and store blocks, on a worker; with `early` each is computed while the one before is stored."""
    remarks.clear()
    computed = _computed(product, blocks)
    with closing(ahead(computed) if early and len(blocks) > 1 else computed) as each:
        return list(map(partial(_store, product, origin), blocks, each))


def write_together(product: Product, work: Work) -> list[Written]:
    """Do one worker's part of a block that several make: all compute, the first of them stores it."""
    from cluster import seat

    if seat().rank == 0:
        return write_blocks(product, [work], None)
    for _ in _computed(product, [work]):
        pass
    return []


def _store(product: Product, origin: Origin | None, work: Work, made: Computed) -> Written:
    began = time.perf_counter() - made.seconds  # some of them may lie in the time of the block before
    if origin is not None:
        insist_unchanged(origin, product, work.stamps)
    moved, requests = made.moved, made.requests
    stored = product.write(
        work.block, made.dataset, sources=work.stamps, moved=moved, requests=requests, began=began
    )
    return Written(stored, made.moved, made.requests, made.notes)


def _computed(product: Product, blocks: Sequence[Work]) -> Generator[Computed]:
    """Yield the blocks' variables in memory, without those that stand in the frame; none is held here."""
    import xarray as xr

    maker = blocks[0].maker
    arrays = maker.several([work.span for work in blocks])
    for work in blocks:
        remarks.clear()
        began, bytes_before, requests_before = time.perf_counter(), traffic.bytes, traffic.requests
        with _read_whole(product, work), use(work.device):
            found = next(arrays)
        yield Computed(
            xr.Dataset({name: (maker.dims(name), found.pop(name)) for name in maker.blocked}),
            time.perf_counter() - began,
            traffic.bytes - bytes_before,
            traffic.requests - requests_before,
            tuple(remarks.notes),
        )


@contextmanager
def _read_whole(product: Product, work: Work) -> Iterator[None]:
    """Say of an input that is not what was stored, that it is damaged."""
    try:
        yield
    except ValueError as error:
        if "checksum" in str(error):  # zarr's crc32c codec, on reading an input
            raise Damaged(f"an input of {product}, block {work.block}, is damaged ({error})") from None
        raise


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
