"""The ground of `ingest`: a release with one session of NSD's own size, served from a process of its own."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from storage.simulate.nsd.layouts import SessionSize, simulate_layouts
from storage.simulate.serve_apart import serve_apart

from ..scenario import Ground

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path

BUCKET = "nsd"


@contextmanager
def served_release(folder: Path, size: Mapping[str, Any]) -> Iterator[Ground]:
    """Make the release below a folder, if it is not there, and serve it."""
    release = folder / "-".join(map(str, (*size["grid"], size["trials"], size["seed"])))
    simulate_layouts(release, SessionSize(**{**size, "grid": tuple(size["grid"])}))
    with serve_apart({BUCKET: release}) as server:
        given = {"root": f"s3://{BUCKET}", "options": server.options, "folder": str(release)}
        yield Ground(given, server)
