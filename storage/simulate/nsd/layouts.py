"""Simulated sessions in every layout that betas are found in, with a region folded as finely as cortex.

The layouts stand where the release has its three versions of the betas, so that whatever reads a release
reads each of them: a chunk a voxel (as NSD's files are) and .nii.gz, a chunk a volume, and no chunks.

Two sessions are recorded. The others are these two again under further names (hard links), so that a run has
as many as a subject's without their room; and four times as many trials in files with holes where values are.
"""

from __future__ import annotations

import gzip
import json
import os
from dataclasses import asdict, dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np

from ..brain import ellipsoid
from ..showing import plan_showings
from .behaviour import responses_bytes
from .design import SPREAD, plan_experiment
from .design_files import expdesign_bytes
from .release import EXPERIMENT, simulate_nsd
from .spaces import SPACES
from .volumes import nifti_bytes

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from numpy.typing import NDArray

#: The version of the betas whose files have a layout.
VERSION = {
    "voxel-chunks": "betas_fithrf_GLMdenoise_RR",
    "contiguous": "betas_fithrf",
    "volume-chunks": "betas_assumehrf",
}
SUBJECT, SPACE, RECORDED, SESSIONS = "subj01", SPACES[0], 2, 20
SESSION = f"nsddata_betas/ppdata/{SUBJECT}/{SPACE}/{{version}}/betas_session{{number:02d}}{{ending}}"
LARGER, TIMES = "larger/{layout}.hdf5", 4
"""Files of so many times the trials of a session, and nothing in them: what is read of a hole is 0."""
REGION = f"nsddata/ppdata/{SUBJECT}/{SPACE}/roi/nsdgeneral.nii.gz"

#: Half-waves of the folds along an axis and their depth, in half brains: at NSD's grid 15,724 voxels lie in
#: runs of 3.5 along x, as those of a cortical region do.
FOLDS, DEPTH = 3.0, 0.2
#: Where the sheet lies between centre and skull, and how far forward it reaches.
LEVEL, FOREMOST = 0.8, -0.1


@dataclass(frozen=True)
class SessionSize:
    """How large a session is; the first of them is there in all layouts, the others in NSD's own."""

    grid: tuple[int, int, int] = (81, 104, 83)
    """Places along x, y, z; by default those of subj01."""
    trials: int = 750
    images: int = 250
    """Pictures a session, each shown three times; the file of pictures has four times as many."""
    picture: int = 425
    """Their height and width."""
    voxels: int = 15_724
    """Of the region `nsdgeneral`."""
    seed: int = 0


def session_key(layout: str, number: int = 1, ending: str = ".hdf5") -> str:
    """Return the name of a session's file in a layout of `VERSION`."""
    return SESSION.format(version=VERSION[layout], number=number, ending=ending)


def simulate_layouts(folder: Path, size: SessionSize) -> None:
    """Write the release, unless it is there already, in this size."""
    note = folder / "size.json"
    said = json.dumps(asdict(size))
    if not note.exists() or note.read_text() != said:
        note.unlink(missing_ok=True)
        _record(folder, size)
        note.write_text(said)
    if not (folder / session_key("voxel-chunks", SESSIONS)).exists():
        _write_larger(folder, "contiguous", size)
        _write_larger(folder, "voxel-chunks", size)
        _repeat_sessions(folder, size)


def _record(folder: Path, size: SessionSize) -> None:
    simulate_nsd(
        folder,
        subjects=1,
        sessions=RECORDED,
        trials=size.trials,
        grid=size.grid,
        images=size.images,
        size=size.picture,
        seed=size.seed,
    )
    (folder / REGION).write_bytes(nifti_bytes(folded_sheet(size.grid, size.voxels).astype(np.int16)))
    _write_hdf5(folder, "contiguous", None, size)
    _write_hdf5(folder, "volume-chunks", (1, *size.grid[::-1]), size)


def _repeat_sessions(folder: Path, size: SessionSize) -> None:
    """Let the design and the record tell of `SESSIONS`, which show what those recorded did, by turns."""
    rng = np.random.default_rng(size.seed)
    planned = plan_showings(size.images, RECORDED, size.trials)
    short = plan_experiment(
        planned, RECORDED, SPREAD * size.images, np.random.default_rng([size.seed, 0, 0, 9])
    )
    ordering = np.tile(short.ordering, SESSIONS // RECORDED)
    long = replace(short, ordering=ordering, sessions=SESSIONS)
    (folder / EXPERIMENT / "nsd_expdesign.mat").write_bytes(expdesign_bytes(long, rng))
    record = folder / f"nsddata/ppdata/{SUBJECT}/behav/responses.tsv"
    record.write_bytes(responses_bytes(long, 0, rng))
    for number in range(RECORDED + 1, SESSIONS + 1):
        again = folder / session_key("voxel-chunks", number)
        again.unlink(missing_ok=True)
        os.link(folder / session_key("voxel-chunks", (number - 1) % RECORDED + 1), again)


def _write_larger(folder: Path, layout: str, size: SessionSize) -> None:
    import h5py

    trials = TIMES * size.trials
    path = folder / LARGER.format(layout=layout)
    path.parent.mkdir(exist_ok=True)
    made: Any = h5py.h5p.create(h5py.h5p.DATASET_CREATE)
    made.set_alloc_time(h5py.h5d.ALLOC_TIME_EARLY)
    made.set_fill_time(h5py.h5d.FILL_TIME_NEVER)
    if layout == "voxel-chunks":
        made.set_chunk((trials, 1, 1, 1))
    with h5py.File(path, "w") as file:
        space = h5py.h5s.create_simple((trials, *size.grid[::-1]))
        h5py.h5d.create(file.id, b"betas", h5py.h5t.STD_I16LE, space, made)


def folded_sheet(grid: tuple[int, int, int], voxels: int) -> NDArray[np.bool_]:
    """Return a sheet (x, y, z) bool of so many voxels at the back of the brain, with folds."""
    ijk = ellipsoid(grid)
    place = (ijk + 0.5) / grid * 2 - 1
    waves = np.sin(FOLDS * np.pi * place + [1, 2, 3]).prod(axis=1)
    distance = np.abs(np.sqrt(np.square(place).sum(axis=1)) - LEVEL - DEPTH * waves)
    distance[place[:, 1] > FOREMOST] += 2  # only where nothing further back is left
    chosen = ijk[np.argsort(distance, kind="stable")[:voxels]]
    sheet = np.zeros(grid, bool)
    sheet[tuple(chosen.T)] = True
    return sheet


def _write_hdf5(folder: Path, layout: str, chunks: tuple[int, ...] | None, size: SessionSize) -> None:
    import h5py

    path = folder / session_key(layout)
    path.parent.mkdir(parents=True, exist_ok=True)
    shape = (size.trials, *size.grid[::-1])
    with h5py.File(path, "w") as file:
        stored: Any = file.create_dataset("betas", shape, "<i2", chunks=chunks, track_times=False)
        for trial, volume in enumerate(_volumes(folder / session_key("voxel-chunks", 1, ".nii.gz"), size)):
            stored[trial] = volume


def _volumes(path: Path, size: SessionSize) -> Iterator[NDArray[np.int16]]:
    """Yield the volumes (z, y, x) of a session's .nii.gz."""
    with gzip.open(path) as file:
        file.read(352)
        for _ in range(size.trials):
            content = file.read(2 * int(np.prod(size.grid)))
            yield np.frombuffer(content, "<i2").reshape(size.grid[::-1])
