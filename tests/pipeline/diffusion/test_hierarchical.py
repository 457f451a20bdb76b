"""The generator vdvae: the given latents, the others from the prior, noise of each picture's own."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from pipeline.diffusion.conditioned import conditioned
from pipeline.diffusion.hierarchical import Vdvae
from pipeline.errors import ShapeError
from pipeline.features.resize import resize
from pipeline.models.logistics import as_levels
from pipeline.models.noise import generators
from pipeline.models.pretrained import vdvae

LAYERS, COLUMNS = 10, 5_152
SEEDS = np.array([3, 1, 2, 9, 4])


@pytest.fixture
def latents():
    return np.random.default_rng(0).normal(size=(5, COLUMNS)).astype(np.float32)


def painter(**settings):
    return conditioned("vdvae", **{"weights": "random", "layers": LAYERS, **settings})


def test_pictures_are_what_the_network_draws(latents):
    network, sources = vdvae("random").load(), generators(SEEDS.tolist())
    with torch.no_grad():
        mixture = network.decode(torch.from_numpy(latents), sources, 0.7)
        expected = as_levels(mixture.sample(sources)).numpy()
    made = painter(temperature=0.7, batch=5).paint({"latents": latents}, SEEDS)
    np.testing.assert_array_equal(made, expected)
    assert made.shape == (5, 64, 64, 3)


def differing(one, other):
    """Return the share of values that differ by more than a level."""
    return np.mean(np.abs(one.astype(int) - other.astype(int)) > 1)


def test_a_picture_is_its_latents_and_its_seed_alone(latents):
    made = painter(batch=2).paint({"latents": latents}, SEEDS)
    assert differing(painter(batch=5).paint({"latents": latents}, SEEDS), made) < 1e-3
    order = np.array([4, 2, 0])
    again = painter(batch=2).paint({"latents": latents[order]}, SEEDS[order])
    assert differing(again, made[order]) < 1e-3
    assert differing(painter(batch=5).paint({"latents": latents}, SEEDS + 1), made) > 0.5


def test_pictures_have_the_size_that_is_asked_for(latents):
    made = painter().paint({"latents": latents[:1]}, SEEDS[:1])
    larger = painter(size=96).paint({"latents": latents[:1]}, SEEDS[:1])
    np.testing.assert_array_equal(larger, resize(made, (96, 96)))


def test_what_does_not_fit_is_told(latents):
    with pytest.raises(ShapeError, match=r"shape \(5, 5152\); expected \(5, 91168\), those of 31 layers"):
        painter(layers=31).paint({"latents": latents}, SEEDS)
    with pytest.raises(ShapeError, match="leave out `start`"):
        painter().paint({"latents": latents}, SEEDS, np.zeros((5, 8, 8, 3), np.uint8))


def test_what_is_known_of_the_published_one():
    published = Vdvae()
    assert published.roles == {"latents": 91_168}
    models, layers = published.memory()
    assert models == 4 * 125_005_860
    assert layers > 16 * 64 * 64 * 512 * 4  # one state of the largest size
    assert painter().identity() == {"weights": "random"}
