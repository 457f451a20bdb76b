"""How vox2pix ingests: its reader alone, and all of it, into a sealed product."""

from __future__ import annotations

import tempfile
from dataclasses import replace
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Any

import google_crc32c
import numpy as np
import tomli_w

from storage.hdf5 import open_dataset
from storage.remote import Location
from storage.simulate.nsd.layouts import SUBJECT, VERSION, session_key
from storage.sources.nsd import NsdSource

if TYPE_CHECKING:
    from collections.abc import Mapping

    from storage.sources.nsd.betas import NsdBetas

    from ...recipe import Recipe
    from ..work import Work

ROWS = 750
"""Rows whose checksum is taken at once."""

IMPORTED = (
    *(
        "cluster.threads",
        "dask.array",
        "h5py",
        "nibabel",
        "pipeline.stages.ingest",
        "pipeline.stages.pictures",
        "pipeline.stages.respond",
    ),
    *("scipy.io", "storage.noting", "xarray", "zarr.storage"),
)
"""What is imported when it is needed, some seconds of it."""

Options = dict[str, str | bool]


def checked(values: Any) -> int:
    """Return the crc32c of an array's bytes in C order, which all contenders of a case agree on."""
    found = 0
    for start in range(0, values.shape[0], ROWS):
        found = google_crc32c.extend(found, np.ascontiguousarray(values[start : start + ROWS]).tobytes())
    return found


def imported() -> None:
    """Import what opening a source and running take, for those whose clock begins before both."""
    for name in IMPORTED:
        import_module(name)


def betas_of(
    place: Location, layout: str, region: str, form: str = "hdf5", sessions: int | tuple[int, ...] = 1
) -> NsdBetas:
    """Return the reader of a region of the first sessions."""
    source = NsdSource(place, expression=region, version=VERSION[layout], format=form, sessions=sessions)
    return source.betas(SUBJECT)


def reader(
    *,
    root: str,
    options: Options,
    folder: str,  # noqa: ARG001  (for those that read the disk)
    layout: str,
    region: str,
    form: str = "hdf5",
    known: bool = False,
) -> Work:
    """Read a session's betas into memory; `known`: after another file of the same shape."""
    place = Location.of(root, options)
    betas = betas_of(place, layout, region, form)
    if known:
        other = replace(betas.sessions[0], locations=(place / session_key(layout, 2),))
        replace(betas, sessions=(other,)).read(0, 1)

    def work() -> Mapping[str, Any]:
        """Read."""
        values = betas.read(0, betas.shape[0])
        return {"check": lambda: checked(values)}

    return work


def product(  # noqa: PLR0913  (what the case gives)
    *,
    root: str,
    options: Options,
    folder: str,
    layout: str = "voxel-chunks",
    region: str = "nsdgeneral",
    form: str = "hdf5",
    what: str = "betas",
    sessions: int = 1,
    local: bool = False,
    picture_size: int | None = None,
) -> Work:
    """Make one product of the stage ingest: read, store with checksums and markers, look at etags, seal.

    `local`: from this disk, which leaves the work alone.
    """
    from cluster import Threads, connect
    from pipeline.outcome import Listener
    from pipeline.planner import plan
    from pipeline.runner import Run

    imported()
    scratch = tempfile.TemporaryDirectory(prefix="vox2pix-bench-")
    place = {"source": folder} if local else {"source": root, "storage_options": options}
    asked = {"voxels": region, "format": form, "sessions": sessions}
    shrunk = {} if picture_size is None else {"picture_size": picture_size}
    recipe = _recipe(scratch.name, {**place, **asked, **shrunk}, layout)
    planned = plan(recipe, until="ingest")
    run, threads = Run(planned, Listener(), refresh=False), Threads(workers=1)
    step = next(each for each in planned if each.product == what)
    run.remember()
    with connect(threads) as workers:
        for given in step.inputs.values():
            run.make(given, workers)

    def stored() -> int:
        """Return the checksum of what was stored, and remove it."""
        with scratch:
            made = step.in_archive(planned.archive).open(raw=True)
            return checked(made[next(iter(step.maker.schema.variables))])

    def work() -> Mapping[str, Any]:
        """Make the product."""
        with connect(threads) as workers:
            run.make(step, workers)
        return {"check": stored}

    return work


def _recipe(folder: str, data: Mapping[str, Any], layout: str) -> Recipe:
    from pipeline.recipe import load_recipe

    said = {"dataset": "nsd", "subjects": [SUBJECT], "archive": "archive", "betas": VERSION[layout], **data}
    path = Path(folder, "recipe.toml")
    path.write_text(tomli_w.dumps({"data": said}))
    return load_recipe(path)


def run(
    *,
    root: str,
    options: Options,
    folder: str,  # noqa: ARG001  (for those that read the disk)
    layout: str,
    region: str,
    sessions: int = 1,
) -> Work:
    """Do what a run does for the betas, from the recipe on: plan, look, read, store, seal."""
    from cluster import Threads, connect
    from pipeline.outcome import Listener
    from pipeline.planner import plan
    from pipeline.runner import Run

    imported()
    scratch = tempfile.TemporaryDirectory(prefix="vox2pix-bench-")
    data = {"source": root, "storage_options": options, "voxels": region, "sessions": sessions}
    recipe = _recipe(scratch.name, data, layout)
    Location.of(root, options).folders()  # opens the store

    def work() -> Mapping[str, Any]:
        """Plan and make the betas; what is stored is read again by `check`."""
        planned = plan(recipe, until="ingest")
        run = Run(planned, Listener(), refresh=False)
        step = next(each for each in planned if each.product == "betas")
        run.check_values([step])
        run.remember()
        with connect(Threads(workers=1)) as workers:
            run.make(step, workers)

        def stored() -> int:
            with scratch:
                return checked(step.in_archive(planned.archive).open(raw=True).betas)

        return {"check": stored}

    return work


def part(*, root: str, options: Options, folder: str, key: str, every: int) -> Work:  # noqa: ARG001
    """Read all rows of each so-manieth place of the region, of any file of the subject's grid."""
    place = Location.of(root, options)
    (region,) = betas_of(place, "voxel-chunks", "nsdgeneral").parts
    data = open_dataset(place / key, "betas")
    flat = np.ravel_multi_index(tuple(region.places.T[::-1]), data.shape[1:])[::every]

    def work() -> Mapping[str, Any]:
        return {"values": data.read(np.arange(data.shape[0]), flat).size}

    return work
