"""At the full size of NSD a plan is some hundred blocks a subject, and a graph never too large for dask."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest
import xarray as xr

from pipeline.assembly import Subject
from pipeline.recipe import Recipe
from pipeline.stage import largest_block

SESSIONS, TRIALS, BRAIN, PICTURES = 40, 750, 226_000, 10_000
"""Of subject 1: sessions, presentations in each, voxels of the brain, distinct pictures."""
TEST = 1000
GRAPH = 20_000
"""Tasks from which on dask's scheduler takes minutes to take them in."""


@dataclass(frozen=True)
class Reader:
    """Betas or pictures of which the shape alone is known."""

    shape: tuple[int, ...]
    dtype: str = "int16"
    scale: float = 1 / 300
    block: int = TRIALS
    moved: int = 0

    @property
    def ids(self):
        return [f"nsd{number:05}" for number in range(self.shape[0])]

    @property
    def test(self):
        return np.arange(self.shape[0]) < TEST

    def files(self, start, stop):
        return []


@dataclass(frozen=True)
class Shapes:
    """A source that holds no number: what is planned is planned by shapes."""

    times: int = 1
    """How many times the trials and pictures of NSD."""

    def identity(self, subject, product):
        return {"dataset": "shapes", "times": self.times}

    def picture_owner(self, subject):
        return subject

    def stamps(self, subject, product):
        return {}

    def trials(self, subject):
        every, pictures = self.times * SESSIONS * TRIALS, self.times * PICTURES
        session = np.arange(every) // TRIALS + 1
        image = np.arange(every) % pictures
        ids = np.array(self.images(subject).ids, dtype=object)[image]
        return xr.Dataset(
            {
                "session": ("trial", session.astype(np.int16)),
                "run": ("trial", np.ones(every, np.int16)),
                "repeat": ("trial", (np.arange(every) // pictures).astype(np.int16)),
                "test": ("trial", image < TEST),
                "image_id": ("trial", ids),
            }
        )

    def voxels(self, subject):
        place = np.arange(BRAIN, dtype=np.int32)
        named = dict.fromkeys("ijk", ("voxel", place))
        return xr.Dataset(
            {
                **named,
                "noise_ceiling": ("voxel", np.zeros(BRAIN, np.float32)),
                "in_roi": (("roi", "voxel"), np.ones((1, BRAIN), bool)),
            },
            coords={"roi": np.array(["all"], dtype=object)},
        )

    def betas(self, subject):
        return Reader((self.times * SESSIONS * TRIALS, BRAIN))

    def images(self, subject):
        return Reader((self.times * PICTURES, 425, 425, 3))

    def labels(self, subject):
        return None

    def captions(self, subject):
        return None


def steps(times=1):
    """Return the steps for as many targets as the three spaces of Brain-Diffuser have: 347,680 and more."""
    sides = {"vision": 256, "latents": 175, "text": 141}
    recipe = Recipe.from_mapping(
        {
            "data": {"dataset": "nsd", "source": "nowhere", "archive": "nowhere", "subjects": ["subj01"]},
            "features": {name: {"model": "pixels", "size": side} for name, side in sides.items()},
            "ridge": {"spaces": {name: {"alpha": 60000} for name in sides}},
            "images": {name: {"generator": "pixels", "features": name} for name in sides},
            "scores": {name: {"metrics": ["pixcorr"]} for name in sides},
        },
        Path.cwd(),
    )
    return Subject(recipe, Shapes(times), "subj01").steps()


@pytest.fixture(scope="module")
def planned():
    return {step.product: step for step in steps()}


def test_graphs_stay_small_at_the_size_of_nsd(planned):
    tasks = {name: len(dict(step.dataset.__dask_graph__() or {})) for name, step in planned.items()}
    assert max(tasks.values()) < GRAPH
    assert sum(tasks.values()) < GRAPH
    assert sum(step.blocks for step in planned.values()) < GRAPH / 10
    assert planned["betas"].blocks == SESSIONS
    targets = sum(
        planned[f"features/{name}"].dataset.sizes["feature"] for name in ("vision", "latents", "text")
    )
    assert targets >= 347_680
    assert planned["responses"].dataset.sizes["voxel"] == BRAIN


def test_graphs_grow_no_faster_than_the_data(planned):
    tasks = sum(step.blocks for step in planned.values())
    assert sum(step.blocks for step in steps(times=4)) < 4 * tasks < GRAPH


def test_what_is_large_is_cut_into_blocks_worth_a_task_that_fit_into_a_worker(planned):
    """A session of the whole brain is 339 MB, 197,000 features of 512 pictures 403 MB; none is larger."""
    large = {name: step for name, step in planned.items() if step.dataset.nbytes > 1e9}
    assert {"betas", "responses", "stimuli", "features/vision"} <= set(large)
    sizes = {name: largest_block(step.dataset) for name, step in large.items()}
    assert all(30e6 < size < 420e6 for size in sizes.values()), sizes
    assert all(step.cost.memory < 2e9 for step in large.values())
