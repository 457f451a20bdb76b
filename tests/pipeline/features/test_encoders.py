"""Encoders: pictures brought to the published sizes, features that depend on the picture alone."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from PIL import Image

from cluster import Threads
from pipeline.features.captions import Texts
from pipeline.features.encoders import Embedding, Latents, Patches, encoded, encoder_of, memory

SEEDS = np.arange(100, 107)
BILINEAR, BICUBIC = Image.Resampling.BILINEAR, Image.Resampling.BICUBIC


@pytest.fixture
def pictures():
    """Return seven pictures, smooth enough for a network to tell them apart."""
    random = np.random.default_rng(0)
    small = random.integers(0, 256, (7, 6, 6, 3), np.uint8)
    return np.stack([np.asarray(Image.fromarray(one).resize((100, 100), BICUBIC)) for one in small])


def features(encoder, pictures, seeds=SEEDS, batch=3):
    def read(start, stop):
        return [encoder.shown(pictures[start:stop]), seeds[start:stop]]

    return encoded(encoder, read, len(pictures), batch)


def resized(picture, *steps):
    image = Image.fromarray(picture)
    for side, by in steps:
        image = image.resize((side, side), by)
    return np.asarray(image)


@pytest.mark.parametrize(
    ("encoder", "steps"),
    [
        (Latents(), [(64, BILINEAR)]),
        (Patches(), [(224, BICUBIC)]),
        (Patches(faithful=True), [(512, BILINEAR), (224, BICUBIC)]),
        (Embedding(faithful=True), [(512, BILINEAR), (224, BICUBIC)]),
    ],
)
def test_pictures_are_brought_to_size_as_pillow_does(pictures, encoder, steps):
    shown = encoder.shown(pictures)
    for one, picture in zip(shown, pictures, strict=True):
        np.testing.assert_array_equal(one, resized(picture, *steps))
    np.testing.assert_array_equal(
        encoder.shown(pictures[..., :1])[..., 2], encoder.shown(pictures[..., :1])[..., 0]
    )


@pytest.mark.parametrize(
    "encoder",
    [
        Latents("random", 10),
        Patches("random"),
        Embedding("random"),
        Embedding("random", encoder="vit-bigg-14"),
    ],
)
def test_another_batch_gives_the_same(pictures, encoder):
    found = features(encoder, pictures)
    assert found.dtype == np.float32
    assert found.shape == (7, *np.atleast_1d(np.prod(encoder.unflattened)))
    assert np.isfinite(found).all()
    np.testing.assert_allclose(features(encoder, pictures, batch=7), found, atol=1e-5)
    alone = features(encoder, pictures[4:5], SEEDS[4:5], batch=1)
    np.testing.assert_allclose(alone[0], found[4], atol=1e-5)
    assert np.abs(found[0] - found[1]).max() > 1e-3


def test_latents_are_drawn_by_the_seed_or_are_the_mean(pictures):
    drawn, mean = Latents("random", 6), Latents("random", 6, "mean")
    found = features(drawn, pictures)
    other = features(drawn, pictures, SEEDS + 1)
    assert np.abs(found - other).max() > 0.1
    np.testing.assert_array_equal(features(mean, pictures), features(mean, pictures, SEEDS + 1))
    network = drawn.pretrained.on_worker()
    expected = network.encode(torch.from_numpy(drawn.shown(pictures[:1])), 6)
    np.testing.assert_allclose(features(mean, pictures)[:1], expected, atol=1e-5)


@pytest.mark.parametrize(
    ("encoder", "unflattened", "parameters"),
    [
        (Latents(), (91_168,), 125_005_860),
        (Latents(layers=10), (5_152,), 125_005_860),
        (Patches(), (257, 768), 303_966_208),
        (Texts(), (77, 768), 123_650_304),
        (Embedding(), (1024,), 632_076_800),
        (Embedding(encoder="vit-bigg-14"), (1280,), 1_844_907_264),
    ],
)
def test_published_ones_are_known_without_their_weights(encoder, unflattened, parameters):
    assert encoder.unflattened == unflattened
    models, layers = memory(encoder, 4)
    assert models == 4 * parameters
    assert layers > 4 * 4 * np.prod(unflattened)
    assert memory(encoder, 8)[1] > 1.8 * layers


def test_encoders_by_name():
    assert encoder_of("vdvae", "random", {"layers": 3, "draw": "mean"}) == Latents("random", 3, "mean")
    assert encoder_of("clip-vision", "random", {"faithful": True}) == Patches("random", faithful=True)
    assert isinstance(encoder_of("clip-image", "random", {}), Embedding)


def test_networks_are_loaded_once_for_all_workers_of_a_process(pictures):
    from cluster import Task, connect, dispatch

    encoder = Patches("random")
    with connect(Threads(workers=2)) as workers:
        tasks = [Task(str(at), features, (encoder, pictures[:2], SEEDS[:2], 2)) for at in range(4)]
        found = [result.value for result in dispatch(workers, tasks)]
    for one in found:
        np.testing.assert_array_equal(one, found[0])
    assert encoder.pretrained.on_worker() is encoder.pretrained.on_worker()
