"""Versatile Diffusion at its published size takes what is told: in a process of its own, as a worker is.

Run as a script, this fills the networks with numbers of no meaning, takes a step, and tells what that took.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from pathlib import Path

import pytest
import torch

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
    said = subprocess.run(
        [sys.executable, __file__],
        capture_output=True,
        text=True,
        check=True,
        cwd=Path(__file__).parents[3],
        env={**os.environ, "PYTHONPATH": "."},
    )
    found = json.loads(said.stdout)
    record_property("memory", found)
    assert found["parameters"] == 1_126_760_324
    assert found["weights"] == pytest.approx(found["nbytes"], rel=0.02)
    assert found["weights"] < found["models"]
    assert found["shape"] == [1, 4, 64, 64]
    assert found["finite"]
    assert found["step"] < found["layers"]


def measure() -> dict[str, object]:
    """Fill the networks and take a step; return bytes that were told and taken."""
    from pipeline.bench.memory import Peak

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
    told, blank = (
        {role: torch.randn(1, count, WIDTH, generator=source) / 28 for role, count in TOKENS.items()}
        for _ in range(2)
    )
    network = guided(made.unet, told, blank, 7.5, 0.4)
    shape = latent_shape(made.autoencoder, SIZE)
    during, began = Peak(), time.process_time()
    with one_thread():
        latents = paint(network, LATENT, Manner("ddim", 1), None, [7], shape)
    return {
        "step": during.growth(),
        "seconds": time.process_time() - began,
        "layers": layers(described, 1, SIZE, 7.5, "float32"),
        "weights": held,
        "nbytes": nbytes(made.unet),
        "models": models(described, "float32"),
        "parameters": parameters(made.unet),
        "shape": list(latents.shape),
        "finite": bool(torch.isfinite(latents).all()),
    }


if __name__ == "__main__":
    sys.stdout.write(json.dumps(measure()))
