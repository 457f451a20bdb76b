"""What is made while workers die: simulated subjects, stages of several blocks, the archive to come of it."""

from __future__ import annotations

import hashlib
import os
import tempfile
import tomllib
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import tomli_w

from ..scenario import Ground

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from ...recipe import Recipe

SEED = 0
RELEASE, RECIPE, WHOLE = "release", "recipe.toml", "whole"
SPACE = "pixels"


@contextmanager
def ground(folder: Path, size: Mapping[str, Any]) -> Iterator[Ground]:
    """Simulate the subjects, write the recipe that takes them through every stage, and run it undisturbed."""
    write(folder, size)
    make_whole(folder)
    yield Ground({"folder": str(folder.resolve())})


def write(folder: Path, size: Mapping[str, Any]) -> None:
    """Write release and recipe, unless they are there."""
    from storage.simulate import simulate_arrays

    if not (folder / RECIPE).exists():
        measures = {"images": size["images"], "grid": tuple(size["grid"]), "size": size["side"]}
        simulate_arrays(folder / RELEASE, subjects=size["subjects"], seed=SEED, **measures)
        release = tomllib.loads((folder / RELEASE / RECIPE).read_text())
        data = {**release["data"], "source": f"{RELEASE}/{release['data']['source']}"}
        (folder / RECIPE).write_text(tomli_w.dumps({"data": data, **tables(size["side"])}))


def tables(side: int) -> dict[str, Any]:
    """Return one feature space, and the pictures it gives, twice: stages that load little."""
    return {
        "features": {SPACE: {"model": "pixels", "size": side}},
        "ridge": {"spaces": {SPACE: {"alpha": 1000}}},
        "images": {name: {"generator": "pixels", "features": SPACE} for name in ("one", "other")},
    }


def make_whole(folder: Path) -> None:
    """Make the archive that all others are compared with, by threads of this process."""
    from cluster import Threads

    from ...runner import run

    run(recipe(folder, folder / WHOLE), cluster=Threads(workers=1))


def recipe(folder: Path | str, archive: Path | str) -> Recipe:
    """Return the recipe of a folder, for an archive of one's own."""
    from ...recipe import load_recipe

    found = load_recipe(Path(folder) / RECIPE)
    data = found.data.model_copy(update={"archive": str(archive)})
    return found.model_copy(update={"data": data})


def fresh(folder: str) -> Path:
    """Return the place of an archive that is not there yet."""
    return Path(tempfile.mkdtemp(prefix="archive-", dir=folder))


def compared(folder: str, archive: Path) -> dict[str, Callable[[], float]]:
    """Return figures of an archive that are taken at the end: whether it is the undisturbed one."""
    return {"identical": partial(_same, Path(folder) / WHOLE, archive)}


def _same(one: Path, other: Path) -> float:
    return float(digest(one) == digest(other) and blocks(one) == blocks(other))


def digest(archive: Path | str) -> str:
    """Return what identical archives share: a hash of every chunk and of every array's zarr.json."""
    found, root = hashlib.sha256(), Path(archive)
    for path in sorted(root.rglob("*")):
        name = path.relative_to(root)
        if path.is_file() and "data" in name.parts[:-2]:
            found.update(f"{name} {hashlib.sha256(path.read_bytes()).hexdigest()}\n".encode())
    return found.hexdigest()


def blocks(archive: Path | str) -> int:
    """Return how many blocks are finished in an archive, sealed or not, which somebody may be writing."""
    marked = (names for folder, _, names in os.walk(archive) if Path(folder).name == "done")
    return sum(Path(name).stem.isdigit() and name.endswith(".json") for names in marked for name in names)
