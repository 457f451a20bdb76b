"""How vox2pix ingests: its reader alone, and all of it, into a sealed product."""

from __future__ import annotations

import tempfile
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import google_crc32c
import numpy as np
import tomli_w

from storage.remote import Location
from storage.simulate.nsd.layouts import SUBJECT, VERSION, session_key
from storage.sources.nsd import NsdSource

if TYPE_CHECKING:
    from collections.abc import Mapping

    from numpy.typing import NDArray

    from storage.sources.nsd.betas import NsdBetas

    from ..work import Work

Options = dict[str, str | bool]


def checked(values: NDArray[Any]) -> int:
    """Return the crc32c of an array's bytes in C order, which all contenders of a case agree on."""
    return int(google_crc32c.value(np.ascontiguousarray(values).tobytes()))


def betas_of(place: Location, layout: str, region: str, form: str = "hdf5") -> NsdBetas:
    """Return the reader of a region of the first session."""
    source = NsdSource(place, expression=region, version=VERSION[layout], format=form, sessions=1)
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
) -> Work:
    """Make one product of the stage ingest: read, store with checksums and markers, look at etags, seal.

    `local`: from this disk, which leaves the work alone.
    """
    from cluster import Threads, connect
    from pipeline.outcome import Listener
    from pipeline.planner import plan
    from pipeline.recipe import load_recipe
    from pipeline.runner import Run

    scratch = tempfile.TemporaryDirectory(prefix="vox2pix-bench-")
    data = {
        "dataset": "nsd",
        "subjects": [SUBJECT],
        "source": folder if local else root,
        "storage_options": {} if local else options,
        "archive": "archive",
        "betas": VERSION[layout],
        "voxels": region,
        "format": form,
        "sessions": sessions,
    }
    recipe = Path(scratch.name, "recipe.toml")
    recipe.write_text(tomli_w.dumps({"data": data}))
    planned = plan(load_recipe(recipe), until="ingest")
    run, threads = Run(planned, Listener(), refresh=False), Threads(workers=1)
    step = next(each for each in planned if each.product == what)
    run.remember()
    with connect(threads) as workers:
        for given in step.inputs.values():
            run.make(given, workers)

    def stored() -> int:
        with scratch:
            made = step.in_archive(planned.archive).open(raw=True)
            return checked(made[next(iter(step.maker.schema.variables))].values)

    def work() -> Mapping[str, Any]:
        with connect(threads) as workers:
            run.make(step, workers)
        return {"check": stored}

    return work
