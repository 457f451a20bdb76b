"""Versatile Diffusion at its published size, with numbers of no meaning, takes what is told of it."""

from __future__ import annotations

import time

import pytest
import torch

from pipeline.bench.memory import Peak
from pipeline.diffusion.dual_guidance import TOKENS, guided, latent_shape, layers, models
from pipeline.diffusion.process import LATENT
from pipeline.diffusion.sample import Manner, paint
from pipeline.models.autoencoder import STABLE_DIFFUSION, Autoencoder
from pipeline.models.networks import fill, nbytes, parameters
from pipeline.models.threads import one_thread
from pipeline.models.versatile import IMAGE_UNET, Versatile

SIZE, WIDTH = 512, IMAGE_UNET["cross_attention_dim"]


@pytest.mark.slow
def test_a_step_at_full_size_takes_what_is_told(record_property):
    """One step of two halves at 64 x 64 latents: 860 million parameters, and 267 million of the text's."""
    described = Versatile(IMAGE_UNET, Autoencoder(STABLE_DIFFUSION, None), None)
    made = described.skeleton()
    source, before = torch.Generator().manual_seed(0), Peak()
    shapes = {name: one.shape for name, one in made.unet.state_dict().items()}
    fill(
        made.unet,
        {name: torch.empty(shape).normal_(std=0.02, generator=source) for name, shape in shapes.items()},
        "numbers of no meaning",
    )
    held = before.growth()
    assert parameters(made.unet) == 1_126_760_324
    assert held < 1.02 * nbytes(made.unet)  # less where an earlier test has let memory go that is taken again
    assert held < models(described, "float32")

    told, blank = (
        {role: torch.randn(1, count, WIDTH, generator=source) / 28 for role, count in TOKENS.items()}
        for _ in range(2)
    )
    network = guided(made.unet, told, blank, 7.5, 0.4)
    shape = latent_shape(made.autoencoder, SIZE)
    during, began = Peak(), time.process_time()
    with one_thread():
        latents = paint(network, LATENT, Manner("ddim", 1), None, [7], shape)
    taken, seconds = during.growth(), time.process_time() - began
    assert latents.shape == (1, 4, 64, 64)
    assert torch.isfinite(latents).all()
    estimate = layers(described, 1, SIZE, 7.5, "float32")
    for name, value in {"weights": held, "step": taken, "estimate": estimate, "CPU s": seconds}.items():
        record_property(name, value)
    assert taken < estimate
