"""What an encoder of full size takes is what `plan` says, or less: in a process of its own, as a worker is.

Run as a script, with the file of weights and a batch, this encodes some pictures and tells what that took.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import xarray as xr

from pipeline.features.encoders import Latents
from pipeline.stage import block_of
from pipeline.stages.encode import picture_features

BATCH = 4
SIDE = 425
"""Of NSD's pictures."""


@pytest.fixture
def weights(tmp_path):
    """Write weights of the published sizes, as `torch.save` writes those."""
    import torch

    torch.manual_seed(0)
    shapes = Latents().pretrained.skeleton().state_dict()
    path = tmp_path / "imagenet64-iter-1600000-model-ema.th"
    torch.save({name: 0.02 * torch.randn(one.shape) for name, one in shapes.items()}, path)
    return path


@pytest.mark.slow
def test_the_published_vdvae_takes_what_is_planned(weights, record_property):
    said = subprocess.run(
        [sys.executable, __file__, str(weights), str(BATCH)],
        capture_output=True,
        text=True,
        check=True,
        cwd=Path(__file__).parents[3],
        env={**os.environ, "PYTHONPATH": "."},
    )
    found = json.loads(said.stdout)
    record_property("memory", found)
    assert weights.stat().st_size > found["resident"] > 499_000_000
    assert found["shape"] == [2 * BATCH + 1, 91_168]
    assert found["used"] < found["planned"] < 2 * found["used"], found


def measure(weights: str, batch: int) -> dict[str, object]:
    """Encode two batches and a picture; return bytes that were planned and used."""
    from pipeline.bench.memory import Peak
    from pipeline.models.vision_ops import prepare_torchvision

    prepare_torchvision()
    count = 2 * batch + 1
    pictures = np.random.default_rng(0).integers(0, 256, (count, SIDE, SIDE, 3), np.uint8)
    coords = {
        "image_id": ("image", np.arange(count).astype(str).astype(object)),
        "split": ("image", np.full(count, "train", object)),
    }
    stimuli = xr.Dataset({"picture": (("image", "y", "x", "channel"), pictures)}, coords=coords)
    network = Latents(weights).pretrained.identity()
    how = {"model": "vdvae", "batch": batch, "layers": 31, "draw": "posterior", "network": network}
    lazy = picture_features(stimuli, weights=weights, **how)
    cost = picture_features.cost(lazy, stimuli=stimuli)
    peak = Peak()
    made = block_of(lazy)(0, count)["value"]
    assert np.isfinite(made).all()
    used = peak.growth()
    return {"shape": made.shape, "planned": cost.memory, "resident": cost.resident, "used": used}


if __name__ == "__main__":
    sys.stdout.write(json.dumps(measure(sys.argv[1], int(sys.argv[2]))))
