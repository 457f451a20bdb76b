"""Ingest: from a source's files to betas and what is known of trials and voxels."""

from __future__ import annotations

from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING

import numpy as np

from storage.chunks import even_edges
from storage.fetching import HELD
from storage.schema import COORDINATES, Schema, Variable

from ..stage import Cost, largest_block, lazily, stage
from .coordinates import picture_coords, voxel_coords

if TYPE_CHECKING:
    from collections.abc import Mapping

    import xarray as xr

    from storage.sources import Betas, Source

#: Bytes of the largest block that is read while the one before it is stored; larger ones take memory enough.
READ_AHEAD = 64 * 2**20

TRIALS = Schema(
    {
        "session": Variable(
            ("trial",),
            "int16",
            "1",
            "session",
            "1-based as the release counts; 0 for one that it does not number.",
        ),
        "run": Variable(("trial",), "int16", "1", "run", "1-based as the release counts."),
        "repeat": Variable(("trial",), "int16", "1", "0-based showing of the picture"),
        "test": Variable(("trial",), "bool", "1", "held out for testing"),
        "image_id": Variable(("trial",), "str", "1", "picture shown", "The data set's own id."),
        "used": Variable(
            ("trial",),
            "bool",
            "1",
            "trained on or tested",
            "Absent where all are. Other trials stay in betas and enter no response.",
            optional=True,
        ),
    }
)

VOXELS = Schema(
    {
        **{axis: replace(COORDINATES[axis], dims=("voxel",)) for axis in "ijk"},
        "noise_ceiling": Variable(
            ("voxel",), "float32", "percent", "noise ceiling", "Explainable variance; NaN where unknown."
        ),
        "in_roi": Variable(("roi", "voxel"), "bool", "1", "voxel lies in the region"),
    }
)

BETAS = Schema(
    {
        "betas": Variable(
            ("trial", "voxel"),
            "float32|int16",
            "percent signal change",
            "response to one presentation",
            chunks={"trial": 750, "voxel": 2048},
            codec="lz4",
        )
    },
    block="trial",
)

VALIDITY = Schema(
    {
        "valid": Variable(
            ("session", "voxel"),
            "bool",
            "1",
            "voxel holds data in the session",
            "False where all of a session's values are the same, as they are outside the scanned volume.",
        ),
        "saturated": Variable(
            ("session", "voxel"),
            "int32",
            "1",
            "trials at the limits of the stored type",
            "How many of a session's values are 32767 or more in size: 16 bits hold no more. Absent where "
            "values are no integers.",
            optional=True,
        ),
    }
)

#: The size of stored numbers from which on nothing is known of the response: of 109 percent in NSD's scale.
LIMIT = 32767


@stage("ingest", version=2, schema=TRIALS)
def trials(*, source: Source, subject: str) -> xr.Dataset:
    """Return what was shown when, one entry a presentation."""
    return source.trials(subject)


@stage("ingest", version=2, schema=VOXELS)
def voxels(*, source: Source, subject: str) -> xr.Dataset:
    """Return where the voxels lie and which regions they belong to."""
    return source.voxels(subject)


def read_cost(output: xr.Dataset, **_inputs: xr.Dataset) -> Cost:
    """Return the cost of a block, of one read ahead, of what is on its way or else being encoded."""
    block = largest_block(output)
    early = block <= READ_AHEAD
    return Cost(memory=(3 if early else 2) * block + HELD, early=early)


@stage("ingest", version=2, schema=BETAS, cost=read_cost)
def betas(*, source: Source, subject: str) -> xr.Dataset:
    """Return the responses of every voxel to every presentation, one block a run of trials.

    Product `trials` is no input: it says which pictures are held out, and that changes no beta.
    """
    reader, trials = source.betas(subject), source.trials(subject)
    n_trials, n_voxels = reader.shape
    scaled = {"scale_factor": reader.scale} if reader.scale != 1 else {}
    return lazily(
        BETAS,
        {"trial": n_trials, "voxel": n_voxels},
        partial(_read_betas, reader),
        coords={
            **{name: ("trial", trials[name].values) for name in ("session", "run", "repeat")},
            **picture_coords("trial", trials),
            **voxel_coords(source.voxels(subject)),
        },
        edges=even_edges(n_trials, reader.block),
        dtypes={"betas": reader.dtype},
        attrs={"betas": scaled},
        chunks={"trial": reader.block},
    )


def _read_betas(reader: Betas, start: int, stop: int) -> Mapping[str, np.ndarray]:
    return {"betas": reader.read(start, stop)}


@stage("ingest", version=3, schema=VALIDITY)
def validity(betas: xr.Dataset) -> xr.Dataset:
    """Return which voxels hold data in which session, and in how many trials each saturates."""
    numbers = np.unique(betas.session.values)
    whole = betas.betas.dtype.kind == "i"
    return lazily(
        VALIDITY,
        {"session": len(numbers), "voxel": betas.sizes["voxel"]},
        partial(_valid, betas),
        coords={"session": numbers, **voxel_coords(betas)},
        leave_out=() if whole else ("saturated",),
    )


def _valid(betas: xr.Dataset, _start: int, _stop: int) -> Mapping[str, np.ndarray]:
    """Read the betas a chunk of trials at a time: memory is one block, whatever the size of the data."""
    session = betas.session.values
    numbers = np.unique(session)
    valid = np.zeros((len(numbers), betas.sizes["voxel"]), bool)
    saturated = np.zeros(valid.shape, np.int32)
    for row, number in enumerate(numbers):
        rows = np.flatnonzero(session == number)
        first = betas.betas[rows[0]].values
        for start in range(rows[0], rows[-1] + 1, 750):
            part = betas.betas[start : min(start + 750, rows[-1] + 1)].values
            valid[row] |= (part != first).any(axis=0)
            saturated[row] += ((part >= LIMIT) | (part <= -LIMIT)).sum(axis=0, dtype=np.int32)
    return {"valid": valid, "saturated": saturated}
