"""A stage: a pure function from lazy Datasets to one lazy Dataset, with its arrays declared beforehand.

Calling a stage computes nothing: it checks shapes and ids and returns a Dataset whose blocks know how
to compute themselves. `plan` asks such Datasets for their sizes, the runner computes their blocks one
by one, a notebook calls `.compute()`.
"""

from __future__ import annotations

import uuid
from dataclasses import dataclass
from functools import partial
from itertools import pairwise, product
from typing import TYPE_CHECKING, Any

import numpy as np

from .block import Block

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    import xarray as xr

    from storage.schema import Schema, Variable


_BLOCK = "block"


@dataclass(frozen=True)
class Cost:
    """What one product costs to make, as far as shapes tell."""

    memory: int = 0
    """Bytes a worker holds at once while it computes one block."""
    further: int = 0
    """Bytes that each further block adds, where one task makes several in one walk."""
    flops: float = 0.0
    """Floating-point operations of the whole product."""
    moved: int = 0
    """Bytes read from the source, wherever it lies, an estimate; a run counts what came from S3."""
    resident: int = 0
    """Bytes of the model that stays in a worker, part of `memory`."""
    processes: int = 1
    """Workers that make one block together."""
    early: bool = False
    """Whether each block of a task is computed while the one before is stored; `memory` is of two then."""


@dataclass(frozen=True)
class Stage:
    """A named, versioned step of the pipeline.

    Parameters
    ----------
    name
        As ``--until`` knows it: ingest, respond, featurize, gram, regress, train, reconstruct, score.
    title
        Which of the stage's products this makes: the function's name.
    version
        Raised whenever the same input gives other numbers; it enters the fingerprint.
    schema
        The arrays of the product.
    function
        ``function(**inputs, **settings) -> xr.Dataset``.
    cost
        ``cost(output, **inputs) -> Cost``.
    gpu
        Whether its blocks can be computed on a GPU.
    sequential
        Whether its one block is made step by step: the function is given a ``workspace`` as well, where it
        keeps checkpoints and leaves its files.
    ready
        Called with a step's places before a run computes anything: raises what would be missing later.
    """

    name: str
    title: str
    version: int
    schema: Schema
    function: Callable[..., xr.Dataset]
    cost: Callable[..., Cost]
    gpu: bool = False
    sequential: bool = False
    ready: Callable[..., None] | None = None

    def __call__(self, *args: Any, **inputs_and_settings: Any) -> xr.Dataset:
        """Return the product's lazy Dataset, checked against the schema."""
        return self.schema.describe(self.function(*args, **inputs_and_settings))


def stage(
    name: str,
    *,
    version: int,
    schema: Schema,
    cost: Callable[..., Cost] | None = None,
    gpu: bool = False,
    sequential: bool = False,
    ready: Callable[..., None] | None = None,
) -> Callable[[Callable[..., xr.Dataset]], Stage]:
    """Make a stage of a function."""

    def make(function: Callable[..., xr.Dataset]) -> Stage:
        how = cost or block_cost
        made = Stage(name, function.__name__, version, schema, function, how, gpu, sequential, ready)
        object.__setattr__(made, "__doc__", function.__doc__)
        return made

    return make


def block_cost(output: xr.Dataset, **_inputs: xr.Dataset) -> Cost:
    """Return the cost of a stage that holds little more than its largest block, twice."""
    return Cost(memory=2 * largest_block(output))


def largest_block(dataset: xr.Dataset) -> int:
    """Return the bytes of the largest block of a lazy Dataset."""
    return sum(
        array.dtype.itemsize * int(np.prod([max(sizes) for sizes in array.chunks]))
        if array.chunks
        else array.nbytes
        for array in dataset.data_vars.values()
    )


def lazily(  # noqa: PLR0913  (each names one thing a product may need said)
    schema: Schema,
    sizes: Mapping[str, int],
    compute: Callable[..., Any],
    *,
    coords: Mapping[str, Any] | None = None,
    edges: Sequence[int] = (0, 1),
    dtypes: Mapping[str, str] | None = None,
    attrs: Mapping[str, Mapping[str, Any]] | None = None,
    chunks: Mapping[str, int] | None = None,
    leave_out: Sequence[str] = (),
    joint: bool = False,
) -> xr.Dataset:
    """Return a Dataset whose blocks are computed by `compute`, one dask task a block.

    The `Block` that computes them is kept in the Dataset's encoding: see `block_of`.

    Parameters
    ----------
    schema
        The arrays; the block dimension is the one they are cut along.
    sizes
        Size of every dimension.
    compute
        ``compute(start, stop)`` returns the block's arrays by name; must be picklable.
    coords
        Coordinates, in memory.
    edges
        The blocks' edges along the block dimension.
    dtypes
        Choice of dtype where the schema leaves one.
    attrs
        Further attributes by variable.
    chunks
        Stored chunk sizes that depend on the data, by dimension.
    leave_out
        Optional variables this product does not have.
    joint
        Whether several blocks are made in one walk over the inputs, where one task takes them: `compute` is
        then given a sequence of (start, stop) and yields the arrays of each, the same whatever comes beside.
    """
    import xarray as xr

    kept = {name: variable for name, variable in schema.variables.items() if name not in leave_out}
    declared = {
        name: (variable.dims, tuple(sizes[dim] for dim in variable.dims), _dtype(name, variable, dtypes))
        for name, variable in kept.items()
    }
    block = Block(compute, declared, schema.block, joint)
    arrays = _arrays(block, edges)
    dataset = xr.Dataset(
        {name: (kept[name].dims, array, dict((attrs or {}).get(name, {}))) for name, array in arrays.items()},
        coords=dict(coords or {}),
    )
    dataset.encoding[_BLOCK] = block
    for variable in dataset.data_vars.values():
        variable.encoding["preferred_chunks"] = dict(chunks or {})
    return dataset


def block_of(dataset: xr.Dataset) -> Block:
    """Return what computes the blocks of a stage's Dataset, without a graph around it.

    A Dataset that `lazily` did not make is one block.
    """
    declared = {
        str(name): (tuple(map(str, array.dims)), array.shape, array.dtype) for name, array in dataset.items()
    }
    whole = Block(partial(_whole, dataset.drop_vars(list(dataset.coords))), declared, None)
    found: Block = dataset.encoding.get(_BLOCK, whole)
    return found


def _whole(dataset: xr.Dataset, _start: int, _stop: int) -> Mapping[str, np.ndarray]:
    # By argument: dask's configuration is one for all threads, and what is read is counted in this one.
    return {str(name): array.values for name, array in dataset.compute(scheduler="synchronous").items()}


def _dtype(name: str, variable: Variable, dtypes: Mapping[str, str] | None) -> np.dtype[Any]:
    return np.dtype((dtypes or {}).get(name, variable.dtype.split("|")[0]))


def _arrays(block: Block, edges: Sequence[int]) -> dict[str, Any]:
    """Return a dask array a variable, all on one graph: a task a block, and one to pick each variable."""
    import dask.array as da

    token = uuid.uuid4().hex
    spans = list(pairwise(edges))
    graph: dict[Any, Any] = {(f"block-{token}", at): (block, *span) for at, span in enumerate(spans)}
    cuts = {}
    for name, (dims, shape, _) in block.declared.items():
        sizes = tuple(stop - start for start, stop in spans)
        cuts[name] = tuple(
            sizes if dim == block.along else (size,) for dim, size in zip(dims, shape, strict=True)
        )
        for index in product(*(range(len(cut)) for cut in cuts[name])):
            at = index[dims.index(block.along)] if block.along in dims else 0
            graph[(f"{name}-{token}", *index)] = (_pick, (f"block-{token}", at), name)
    return {
        name: da.Array(graph, f"{name}-{token}", cuts[name], dtype=dtype)
        for name, (_, _, dtype) in block.declared.items()
    }


def _pick(block: Mapping[str, np.ndarray], name: str) -> np.ndarray:
    return block[name]
