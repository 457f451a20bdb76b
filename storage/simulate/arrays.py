"""A simulated release of ready-made voxels: a folder of .npy files, its known code, and a recipe."""

from __future__ import annotations

import io
import math
from dataclasses import dataclass, fields
from typing import TYPE_CHECKING, Any

import numpy as np

from storage.remote import Location

from .brain import CHANNELS, Brain, answer, channel_maps, grow_brain
from .recipe import SIGN, readme, recipe
from .room import INDEX, insist_room
from .scenes import draw_scenes
from .showing import Design, plan_showings

if TYPE_CHECKING:
    import os
    from collections.abc import Iterator

    from numpy.typing import NDArray


@dataclass(frozen=True)
class Simulated:
    """What `simulate_arrays` wrote.

    Attributes
    ----------
    recipe : Location
        The recipe that runs it.
    subjects : tuple of str
        Names of the subjects.
    trials, images, test_images, voxels, nbytes : int
        Counts, of trials and voxels a subject, and bytes altogether.
    """

    recipe: Location
    subjects: tuple[str, ...]
    trials: int
    images: int
    test_images: int
    voxels: int
    nbytes: int


def simulate_arrays(
    destination: Location | str | os.PathLike[str],
    *,
    subjects: int = 2,
    sessions: int = 3,
    trials: int | None = None,
    grid: tuple[int, int, int] = (20, 24, 18),
    images: int = 300,
    size: int = 64,
    seed: int = 0,
) -> Simulated:
    """Write a simulated release with a recipe that runs it.

    Parameters
    ----------
    destination : Location, str or path
        A folder, local or on S3; one that holds something else is refused.
    subjects : int
        How many brains see the same pictures, in different orders.
    sessions : int
        How many sessions.
    trials : int, optional
        Trials a session; by default as few as show every picture three times. More show new
        training pictures.
    grid : tuple of int
        Size of the volume; the voxels fill an ellipsoid in it.
    images : int
        Distinct pictures, each shown three times, a tenth of them for testing; at least 10.
    size : int
        Height and width of the pictures in pixels; at least 8.
    seed : int
        Where all chance comes from: the same arguments write the same bytes.

    Returns
    -------
    Simulated
        What was written, and where the recipe is.

    Raises
    ------
    ValueError
        If the numbers do not go together. or the destination holds something else.
    """
    if subjects < 1 or seed < 0:
        text = (
            f"{subjects} subjects of seed {seed} cannot be simulated: use 1 or more, and a seed of 0 or more"
        )
        raise ValueError(text)
    design = plan_showings(images, sessions, trials)
    target = Location.of(destination)
    pictures, places = design.images * size**2 * 3, math.prod(grid)  # of three channels, a byte each
    responses = design.trials * places * 2  # about half of the places are voxels, of four bytes
    insist_room(pictures + responses + places * INDEX)
    rngs = [np.random.default_rng([seed, number, 0]) for number in range(subjects)]
    brains = {f"subj{number + 1:02}": grow_brain(grid, rng) for number, rng in enumerate(rngs)}
    release = Release(brains, design, size, seed)
    _refuse_foreign(target)
    nbytes = 0
    for name, content in release.files("arrays" if target.is_local else f"{target}/arrays"):
        (target / name).write(content)
        nbytes += len(content)
    found = design.trials, design.images, design.test, release.voxels, nbytes
    return Simulated(target / "recipe.toml", tuple(brains), *found)


def _refuse_foreign(target: Location) -> None:
    readme = target / "README.txt"
    ours = readme.exists() and readme.read(0, len(SIGN)) == SIGN.encode()
    if not ours and target.is_folder():
        raise ValueError(f"{target} is not empty and holds no simulated release: name a new folder")


@dataclass(frozen=True)
class Release:
    """The files of a simulated release.

    Attributes
    ----------
    brains : dict
        The known code, by subject.
    design : Design
        Which pictures are shown how often.
    size : int
        Height and width of the pictures in pixels.
    seed : int
        Where all chance comes from.
    """

    brains: dict[str, Brain]
    design: Design
    size: int
    seed: int

    @property
    def voxels(self) -> int:
        """Voxels a subject."""
        return len(next(iter(self.brains.values())).ijk)

    def files(self, source: str) -> Iterator[tuple[str, bytes]]:
        """Yield name and content of each file; the recipe last, so that one that is there can be run."""
        pictures, captions = draw_scenes(self.seed, self.design.images, self.size)
        yield "README.txt", readme(self.seed).encode()
        for name, array in self.pictures(pictures, captions):
            yield f"arrays/pictures/{name}.npy", npy_bytes(array)
        maps = channel_maps(pictures)
        for number, (subject, brain) in enumerate(self.brains.items()):
            rng = np.random.default_rng([self.seed, number, 1])
            for name, array in self.recording(brain, maps, rng):
                yield f"arrays/{subject}/{name}.npy", npy_bytes(array)
        yield "truth.npz", _truth(self.brains)
        yield (
            "recipe.toml",
            recipe(source, list(self.brains), self.voxels, self.design, self.size, self.seed).encode(),
        )

    def pictures(
        self, pictures: NDArray[np.uint8], captions: list[str]
    ) -> Iterator[tuple[str, NDArray[Any]]]:
        """Yield name and content of the arrays that all subjects share."""
        train = self.design.train
        yield "train_images", pictures[:train]
        yield "test_images", pictures[train:]
        yield "train_captions", np.array(captions[:train])
        yield "test_captions", np.array(captions[train:])

    def recording(
        self, brain: Brain, maps: NDArray[np.float32], rng: np.random.Generator
    ) -> Iterator[tuple[str, NDArray[Any]]]:
        """Yield name and content of the arrays of one subject."""
        order = self.design.order(rng)
        rows = _record(brain, answer(brain, maps), order, rng)
        test = order >= self.design.train
        yield "train_voxels", rows[~test]
        yield "test_voxels", rows[test]
        yield "train_index", order[~test].astype(np.int32)
        yield "test_index", (order[test] - self.design.train).astype(np.int32)
        yield "voxel_ijk", brain.ijk


def _record(
    brain: Brain, signal: NDArray[np.float32], order: NDArray[np.int64], rng: np.random.Generator
) -> NDArray[np.float32]:
    """Return the responses (trial, voxel) float32: what the code answers, and noise."""
    rows = rng.standard_normal((len(order), signal.shape[1]), dtype=np.float32)
    rows *= brain.noise
    rows += signal[order]
    return rows


def npy_bytes(content: NDArray[Any]) -> bytes:
    """Return an array as the bytes of a .npy file; they depend on nothing else."""
    file = io.BytesIO()
    np.save(file, np.ascontiguousarray(content), allow_pickle=False)
    return file.getvalue()


def _truth(brains: dict[str, Brain]) -> bytes:
    """Return the known code as the bytes of a .npz file; numpy dates every member 1980-01-01."""
    known: dict[str, NDArray[Any]] = {"channels": np.array(CHANNELS)}
    for name, brain in brains.items():
        known |= {f"{name}/{each.name}": getattr(brain, each.name) for each in fields(Brain)}
        known[f"{name}/noise"] = brain.noise
    file = io.BytesIO()
    np.savez(file, allow_pickle=False, **known)
    return file.getvalue()
