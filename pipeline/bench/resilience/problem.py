"""What is made while workers die: simulated subjects, stages of several blocks, an archive to compare."""

from __future__ import annotations

import hashlib
import tomllib
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import tomli_w

from ..scenario import Ground

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from ...recipe import Recipe

SEED = 0
RELEASE, RECIPE = "release", "recipe.toml"
SPACE = "pixels"


@contextmanager
def ground(folder: Path, size: Mapping[str, Any]) -> Iterator[Ground]:
    """Simulate the subjects, and write the recipe that takes them through every stage."""
    write(folder, size)
    yield Ground({"folder": str(folder)})


def write(folder: Path, size: Mapping[str, Any]) -> None:
    """Write release and recipe, unless they are there."""
    from storage.simulate import simulate_arrays

    if not (folder / RECIPE).exists():
        measures = {"images": size["images"], "grid": tuple(size["grid"]), "size": size["side"]}
        simulate_arrays(folder / RELEASE, subjects=size["subjects"], seed=SEED, **measures)
        release = tomllib.loads((folder / RELEASE / RECIPE).read_text())
        data = {**release["data"], "source": f"{RELEASE}/{release['data']['source']}"}
        (folder / RECIPE).write_text(tomli_w.dumps({"data": data, **_tables(size["side"])}))


def _tables(side: int) -> dict[str, Any]:
    """Return one feature space, and the pictures it gives, twice: stages that load little."""
    return {
        "features": {SPACE: {"model": "pixels", "size": side}},
        "ridge": {"spaces": {SPACE: {"alpha": 1000}}},
        "images": {name: {"generator": "pixels", "features": SPACE} for name in ("one", "other")},
    }


def recipe(folder: Path | str, archive: Path | str) -> Recipe:
    """Return the recipe of a folder, for an archive of one's own."""
    from ...recipe import load_recipe

    found = load_recipe(Path(folder) / RECIPE)
    data = found.data.model_copy(update={"archive": str(archive)})
    return found.model_copy(update={"data": data})


def digest(archive: Path | str) -> str:
    """Return what identical archives share: a hash of every chunk and of every array's zarr.json."""
    found, root = hashlib.sha256(), Path(archive)
    for path in sorted(root.rglob("*")):
        name = path.relative_to(root)
        if path.is_file() and "data" in name.parts[:-2]:
            found.update(f"{name} {hashlib.sha256(path.read_bytes()).hexdigest()}\n".encode())
    return found.hexdigest()


def blocks(archive: Path | str) -> int:
    """Return how many blocks are finished in an archive, sealed or not."""
    return sum(path.stem.isdigit() for path in Path(archive).rglob("done/*.json"))
