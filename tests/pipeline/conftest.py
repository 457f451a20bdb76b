"""A small release of ready-made voxels, and what reads an archive back byte by byte."""

from __future__ import annotations

import json
import math
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

from pipeline.recipe import Recipe

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from pathlib import Path

SIDE = 16


def _pictures(random: np.random.Generator, count: int) -> np.ndarray:
    """Smooth pictures, all different: a bright disc somewhere on a gradient."""
    y, x = np.mgrid[:SIDE, :SIDE]
    found = []
    for _ in range(count):
        row, column, radius = [*random.uniform(3, SIDE - 3, 2).tolist(), random.uniform(2, 5)]
        disc = np.exp(-(((y - row) ** 2 + (x - column) ** 2) / radius**2))
        slope = random.uniform(-1, 1, 2)
        found.append(0.7 * disc + 0.3 * (0.5 + (slope[0] * y + slope[1] * x) / (4 * SIDE)))
    return np.round(np.clip(found, 0, 1) * 255).astype(np.uint8)


def release(
    *, voxels: int = 120, train: int = 40, test: int = 12, repeats: int = 1, noise: float = 0.5, seed: int = 0
) -> dict[str, np.ndarray]:
    """Return arrays as a lab would have them: voxels answer linearly to pixels, with noise."""
    random = np.random.default_rng(seed)
    pictures = _pictures(random, train + test)
    code = random.normal(size=(SIDE * SIDE, voxels))
    clean = (pictures.reshape(len(pictures), -1) / 255 - 0.5) @ code
    train_index, test_index = np.tile(np.arange(train), repeats), np.tile(np.arange(test), repeats)

    def shown(index: np.ndarray) -> np.ndarray:
        return clean[index] + noise * clean.std() * random.normal(size=(len(index), voxels)) + 2.0

    captions = np.array(
        [[f"a disc in picture {at}", "" if at % 3 else "a disc"] for at in range(train + test)]
    )
    return {
        "train_voxels": shown(train_index).astype(np.float32),
        "test_voxels": shown(train + test_index).astype(np.float32),
        "train_images": pictures[:train],
        "test_images": pictures[train:],
        "train_index": train_index,
        "test_index": test_index,
        "train_captions": captions[:train],
        "test_captions": captions[train:],
    }


@pytest.fixture
def arrays() -> Callable[..., dict[str, np.ndarray]]:
    """Return the function that makes a release's arrays."""
    return release


@pytest.fixture
def meaningless() -> Callable[[Path, Mapping[str, Any]], Path]:
    """Return a function that writes a safetensors file of random numbers, a tensor at a time."""
    return _meaningless


def _meaningless(path: Path, shapes: Mapping[str, Any]) -> Path:
    """Write float32 tensors of given shapes by name, as https://huggingface.co/docs/safetensors describes."""
    about, at = {}, 0
    for name, shape in shapes.items():
        size = 4 * math.prod(shape)
        about[name] = {"dtype": "F32", "shape": list(shape), "data_offsets": [at, at + size]}
        at += size
    head = json.dumps(about).encode()
    head += b" " * (-len(head) % 8)
    random = np.random.default_rng(0)
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("wb") as file:
        file.write(len(head).to_bytes(8, "little") + head)
        for shape in shapes.values():
            file.write((0.02 * random.standard_normal(math.prod(shape), np.float32)).tobytes())
    return path


@pytest.fixture
def stored_bytes() -> Callable[[Path], dict[str, bytes]]:
    """Return a function: what two archives must share to be identical, every chunk and array's metadata."""
    return _stored_bytes


@pytest.fixture(scope="session")
def ground(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a folder with a recipe of four subjects, and `whole`, the archive it makes undisturbed."""
    from pipeline.bench.resilience.problem import make_whole, write
    from pipeline.bench.resilience.scenario import QUICK

    folder = tmp_path_factory.mktemp("ground")
    write(folder, QUICK)
    make_whole(folder)
    return folder


@pytest.fixture
def assert_whole(ground: Path) -> Callable[[Path], None]:
    """Return a function that asserts that an archive is the undisturbed one of `ground`."""
    from pipeline.bench.resilience.problem import blocks, digest

    def whole(archive: Path) -> None:
        assert digest(archive) == digest(ground / "whole")
        assert blocks(archive) == blocks(ground / "whole")

    return whole


@pytest.fixture
def make_recipe(tmp_path: Path) -> Callable[..., Recipe]:
    """Return a function that writes a release and returns a recipe for it."""

    def make(
        changes: Mapping[str, Any] | None = None, arrays: Mapping[str, np.ndarray] | None = None, **how: Any
    ) -> Recipe:
        given = dict(arrays) if arrays is not None else release(**how)
        np.savez(tmp_path / "release.npz", **given)
        return Recipe.from_mapping(merged(tables(), changes or {}), tmp_path)

    return make


def tables() -> dict[str, Any]:
    """Return the tables of a recipe that runs every stage."""
    roles = ("train_voxels", "test_voxels", "train_images", "test_images", "train_index", "test_index")
    return {
        "data": {
            "dataset": "arrays",
            "source": "release.npz",
            "archive": "archive",
            "subjects": ["s1"],
            "arrays": {role: role for role in roles},
        },
        "features": {
            "pixels": {"model": "pixels", "size": SIDE},
            "pca": {"model": "pca", "size": SIDE, "components": 8},
        },
        "ridge": {"spaces": {"pixels": {"alpha": 30}, "pca": {"alpha": 10, "correction": "stored"}}},
        "images": {"pixels": {"generator": "pixels"}, "pca": {"generator": "pca"}},
        "scores": {
            "pixels": {"metrics": ["pixcorr", "ssim", "two-way-pixels"]},
            "pca": {"metrics": ["pixcorr"]},
        },
    }


def merged(under: Mapping[str, Any], over: Mapping[str, Any]) -> dict[str, Any]:
    """Return `under` with the tables of `over` laid into it; None removes."""
    found = dict(under)
    for key, value in over.items():
        if value is None:
            found.pop(key, None)
        elif isinstance(value, dict) and isinstance(found.get(key), dict):
            found[key] = merged(found[key], value)
        else:
            found[key] = value
    return found


def _stored_bytes(archive: Path) -> dict[str, bytes]:
    return {
        str(path.relative_to(archive)): path.read_bytes()
        for path in sorted(archive.rglob("*"))
        if path.is_file() and "data" in path.relative_to(archive).parts[:-2]
    }
