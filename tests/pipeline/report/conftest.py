"""A small data set whose voxels are a linear map of its pictures, and recipes run on it."""

from __future__ import annotations

from html.parser import HTMLParser
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

from cluster import Threads
from pipeline.recipe import Recipe
from pipeline.runner import run

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

TRAIN, TEST, SIDE, VOXELS = 24, 6, 8, 40


def write_data(target: Path, test: int = TEST, channels: int = 1) -> None:
    rng = np.random.default_rng(0)
    pictures = rng.integers(0, 256, (TRAIN + test, SIDE, SIDE, channels)).astype(np.uint8)
    pictures[TRAIN:] = pictures[:test] // 2 + pictures[TRAIN:] // 2  # test pictures resemble known ones
    flat = pictures.reshape(len(pictures), -1) / 255.0
    voxels = flat @ rng.standard_normal((flat.shape[1], VOXELS)) + rng.standard_normal((len(flat), VOXELS))
    np.savez(
        target,
        train_voxels=voxels[:TRAIN].astype(np.float32),
        test_voxels=voxels[TRAIN:].astype(np.float32),
        train_images=pictures[:TRAIN],
        test_images=pictures[TRAIN:],
    )


def tables(**data: Any) -> dict[str, Any]:
    keys = ("train_voxels", "test_voxels", "train_images", "test_images")
    return {
        "data": {
            "dataset": "arrays",
            "source": "data.npz",
            "archive": "archive",
            "subjects": ["s1"],
            "arrays": {key: key for key in keys},
            **data,
        },
        "features": {"pixels": {"model": "pixels", "size": SIDE}},
        "ridge": {"spaces": {"pixels": {"alpha": 10}}},
        "images": {"final": {"generator": "pixels"}},
        "scores": {"final": {"metrics": ["pixcorr", "two-way-pixels"]}},
    }


@pytest.fixture(scope="session")
def start() -> Callable[..., Recipe]:
    """Run tables in a folder, as far as is said, and return their recipe."""

    def started(folder: Path, said: dict[str, Any], until: str | None = None) -> Recipe:
        recipe = Recipe.from_mapping(said, folder)
        run(recipe, cluster=Threads(), until=until)
        return recipe

    return started


@pytest.fixture(scope="session")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the data, and an archive that tests may add to."""
    made = tmp_path_factory.mktemp("report")
    write_data(made / "data.npz")
    return made


@pytest.fixture(scope="session")
def recipe(folder: Path, start: Callable[..., Recipe]) -> Recipe:
    """A recipe that ran to its end."""
    return start(folder, tables())


@pytest.fixture(scope="session")
def recipe_tables() -> Callable[..., dict[str, Any]]:
    return tables


@pytest.fixture(scope="session")
def data_writer() -> Callable[..., None]:
    return write_data


class Parsed(HTMLParser):
    """The page's elements and text."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.words: list[str] = []
        self.feed(text)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))

    def handle_data(self, data: str) -> None:
        self.words.append(data)

    def all(self, tag: str) -> list[dict[str, str | None]]:
        return [attrs for name, attrs in self.tags if name == tag]

    @property
    def text(self) -> str:
        return " ".join(" ".join(self.words).split())


@pytest.fixture(scope="session")
def parse() -> Callable[[str], Parsed]:
    return Parsed
