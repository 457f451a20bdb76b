"""Painting from a pooled embedding: our generators, and a bare loop over the same networks and embeddings."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from ...diffusion import bare_pooled
from ...diffusion.conditioned import kind
from .dual import WEIGHTS, timed
from .problem import SEED

if TYPE_CHECKING:
    from ...diffusion.latent import Latent
    from ..work import Work


def ours(folder: str, generator: str, pictures: int, **sizes: int) -> Work:
    """Paint by the generator, which has painted before and so holds its networks."""
    del folder
    made = built(generator, **sizes)
    embeddings, seeds = problem(made, pictures)
    made.paint({"image": embeddings[: made.batch]}, seeds[: made.batch])
    return timed(lambda: made.paint({"image": embeddings}, seeds))


def by_hand(folder: str, generator: str, pictures: int, **sizes: int) -> Work:
    """Paint by a bare loop, which has gone round before."""
    del folder
    made = built(generator, **sizes)
    networks, untold = bare_pooled.ready(made)
    embeddings, seeds = problem(made, pictures)

    def loop(count: int) -> np.ndarray:
        levels: np.ndarray = bare_pooled.painted(
            made, networks, untold, embeddings[:count], seeds[:count]
        ).numpy()
        return levels

    loop(made.batch)
    return timed(lambda: loop(pictures))


def built(generator: str, batch: int, side: int, steps: int) -> Latent:
    """Return a generator of small networks of the published make."""
    made: Latent = kind(generator)(weights=WEIGHTS, batch=batch, size=side, steps=steps)  # type: ignore[call-arg,assignment]
    return made


def problem(generator: Latent, pictures: int) -> tuple[np.ndarray, np.ndarray]:
    """Return (picture, feature) float32 embeddings of numbers about as large as CLIP's, and seeds."""
    random = np.random.default_rng(SEED)
    return random.standard_normal((pictures, generator.roles["image"]), np.float32), np.arange(pictures)
