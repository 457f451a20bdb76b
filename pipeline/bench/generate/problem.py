"""What is encoded, painted and learned: a simulated subject, predictions, a decoder hardly trained.

How well it paints does not matter here, and the time a picture takes does not depend on it.
"""

from __future__ import annotations

import tomllib
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import tomli_w

from ...features.encoders import warmed
from ..scenario import Ground

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    import xarray as xr

    from cluster import Workers

    from ...features.encoders import PictureEncoder
    from ...planner import Plan
    from ...step import Step

SEED = 0
LEARNER, PAINTER = "learner", "painter"
"""The decoder that is trained when it is measured, and the one that paints."""
WARM, PAINTED = "warm", "painted"
"""Pictures painted beforehand, in few steps, so that the decoder is in every worker; those that count."""
#: Feature spaces whose encoding is measured, by small networks of the published make with random weights. Ten
#: latents, as all 31 would be as much to store as from a network that takes a hundred times as long.
ENCODED: Mapping[str, Mapping[str, Any]] = {
    "latents": {"model": "vdvae", "layers": 10, "weights": "random"},
    "patches": {"model": "clip-vision", "weights": "random"},
}
RELEASE, RECIPE = "release", "recipe.toml"
#: As in the preset of that name.
KIND, BATCH, RATE, EMA, DROPOUT = "conditional-ddpm", 16, 2e-3, 0.98, 0.1


@contextmanager
def ground(folder: Path, size: Mapping[str, Any]) -> Iterator[Ground]:
    """Simulate a subject and make all that painting and training take."""
    from cluster import Threads, connect
    from storage.simulate import simulate_arrays

    if not (folder / RECIPE).exists():
        simulate_arrays(folder / RELEASE, subjects=1, images=size["images"], seed=SEED)
        release = tomllib.loads((folder / RELEASE / "recipe.toml").read_text())
        data = {**release["data"], "source": f"{RELEASE}/{release['data']['source']}"}
        (folder / RECIPE).write_text(tomli_w.dumps({"data": data, **_tables(size)}))
    problem = Problem.of(folder)
    measured = {f"model/{LEARNER}", *(f"features/{space}" for space in ENCODED)}
    with connect(Threads(workers=1)) as workers:
        for step in problem.planned:
            if step.stage != "reconstruct" and step.product not in measured:
                problem.make(step, workers)
    yield Ground({"folder": str(folder)})


def _tables(size: Mapping[str, Any]) -> dict[str, Any]:
    """Return feature spaces, a ridge to one, two decoders that learn from it, and two sets of pictures."""
    trained = {
        "model": KIND,
        "features": ["pca"],
        "size": size["side"],
        "batch": BATCH,
        "learning_rate": RATE,
    }
    trained |= {"decay": "cosine", "ema": EMA, "dropout": DROPOUT}
    painted = {"generator": KIND, "model": PAINTER, "batch": BATCH, "samples": size["samples"]}
    return {
        "features": {
            "pca": {"model": "pca", "size": size["side"], "components": size["components"]},
            **{space: {**table} for space, table in ENCODED.items()},
        },
        "ridge": {"spaces": {"pca": {"alpha": 1000}}},
        "train": {LEARNER: {**trained, "steps": size["steps"]}, PAINTER: {**trained, "steps": 2}},
        "images": {WARM: {**painted, "steps": 2}, PAINTED: {**painted, "steps": size["noise steps"]}},
    }


@dataclass(frozen=True)
class Problem:
    """The recipe of a folder, as it was made there."""

    planned: Plan

    @classmethod
    def of(cls, folder: Path | str) -> Problem:
        """Return the problem that lies in a folder."""
        from ...planner import plan
        from ...recipe import load_recipe

        return cls(plan(load_recipe(Path(folder) / RECIPE)))

    def step(self, product: str) -> Step:
        """Return the step that makes a product."""
        return next(step for step in self.planned if step.product == product)

    def opened(self, product: str) -> xr.Dataset:
        """Return a product that is there, as stages read it."""
        return self.step(product).in_archive(self.planned.archive).open(raw=True)

    def encoders(self) -> dict[str, tuple[PictureEncoder, int]]:
        """Return the encoder of each space that is measured, loaded in this process, and its batch."""
        found = {}
        for space in ENCODED:
            step = self.step(f"features/{space}")
            encoder, batch = step.dataset.encoding["encoder"], step.settings["batch"]
            warmed(encoder, batch)
            found[space] = encoder, batch
        return found

    def make(self, step: Step, workers: Workers) -> None:
        """Have a product made as a run makes it, unless it is there."""
        from ...outcome import Listener
        from ...runner import Run

        run = Run(self.planned, Listener(), refresh=False)
        run.remember()
        if not run.sealed(step):
            run.make(step, workers)

    def remove(self, product: str) -> Step:
        """Remove a product, and return the step that makes it anew."""
        step = self.step(product)
        step.in_archive(self.planned.archive).place.delete_tree()
        return step
