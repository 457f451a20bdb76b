"""The command line as a user meets it, and a small laboratory to use it in."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

from pipeline.cli.program import answer

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

ROOT = Path(__file__).parents[3]
SIDE = 8

RECIPE = """\
[data]
dataset = "arrays"
source = "release.npz"
archive = "archive"
subjects = ["s1"]
[data.arrays]
train_voxels = "xTrain"
test_voxels = "xTest"
train_images = "yTrain"
test_images = "yTest"
[features.pixels]
model = "pixels"
size = 8
[ridge.spaces.pixels]
alpha = 10
[images.final]
generator = "pixels"
[scores.final]
metrics = ["pixcorr", "two-way-pixels"]
[cluster]
kind = "threads"
workers = 2
"""


@dataclass(frozen=True)
class Said:
    """What a command said."""

    code: int
    out: str
    err: str

    @property
    def json(self) -> Any:
        return json.loads(self.out)


@pytest.fixture
def vox2pix(capsys: pytest.CaptureFixture[str]) -> Callable[..., Said]:
    """Return a function that gives a command line to this process's vox2pix."""

    def call(*arguments: object) -> Said:
        capsys.readouterr()
        code = answer([str(argument) for argument in arguments])
        said = capsys.readouterr()
        return Said(code, said.out, said.err)

    return call


@pytest.fixture
def start() -> Iterator[Callable[..., subprocess.Popen[str]]]:
    """Return a function that starts vox2pix as a process of its own, in a folder; none outlives its test."""
    begun = []

    def begin(folder: Path, *arguments: str) -> subprocess.Popen[str]:
        environment = {**os.environ, "PYTHONPATH": str(ROOT)}
        command = [sys.executable, "-m", "pipeline.cli", *arguments]
        pipe = subprocess.PIPE
        process = subprocess.Popen(command, cwd=folder, env=environment, stdout=pipe, stderr=pipe, text=True)
        begun.append(process)
        return process

    yield begin
    for process in begun:
        if process.poll() is None:
            process.kill()
            process.communicate()


def release(train: int = 30, test: int = 6, voxels: int = 40) -> dict[str, np.ndarray]:
    random = np.random.default_rng(0)
    pictures = random.integers(0, 256, (train + test, SIDE, SIDE), np.uint8)
    code = random.normal(size=(SIDE * SIDE, voxels))
    rows = (pictures.reshape(len(pictures), -1) / 255 - 0.5) @ code
    rows += random.normal(size=rows.shape)
    return {
        "xTrain": rows[:train].astype(np.float32),
        "xTest": rows[train:].astype(np.float32),
        "yTrain": pictures[:train],
        "yTest": pictures[train:],
    }


@pytest.fixture
def arrays() -> dict[str, np.ndarray]:
    return release()


@pytest.fixture
def lab(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, arrays: dict[str, np.ndarray]) -> Path:
    """Return the working folder, with a recipe and its data."""
    np.savez(tmp_path / "release.npz", **arrays)
    (tmp_path / "recipe.toml").write_text(RECIPE)
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.fixture(scope="session")
def _finished(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("finished")
    np.savez(folder / "release.npz", **release())
    (folder / "recipe.toml").write_text(RECIPE)
    assert answer(["run", str(folder / "recipe.toml"), "-q", "--no-progress"]) == 0
    return folder


@pytest.fixture
def done(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, _finished: Path) -> Path:
    """Return the working folder, with a recipe that has been run into `archive`."""
    folder = tmp_path / "lab"
    shutil.copytree(_finished, folder)
    monkeypatch.chdir(folder)
    return folder


@pytest.fixture
def damaged(done: Path) -> Path:
    """Return a chunk of `done`'s responses in which a bit has been flipped, its time unchanged."""
    (chunk,) = done.glob("archive/s1/responses/*/data/response/c/0/0")
    before, content = chunk.stat(), bytearray(chunk.read_bytes())
    content[10] ^= 1
    chunk.write_bytes(content)
    os.utime(chunk, ns=(before.st_atime_ns, before.st_mtime_ns))
    return chunk
