"""What an encoder of full size takes is what `plan` says, or less: in a process of its own, as a worker is.

Run as a script, with a model and the file of its weights, this encodes pictures and tells what that took.
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

from pipeline.features.encoders import encoder_of
from pipeline.stage import block_of
from pipeline.stages.encode import picture_features

SIDE = 425
"""Of NSD's pictures."""
SETTINGS = {
    "vdvae": {"layers": 31, "draw": "posterior"},
    "clip-vision": {"faithful": False},
    "clip-image": {},
}
#: Pictures a batch and in all, and bytes of the network: a CLIP of 632 million takes ten seconds a picture.
CASES = {
    "vdvae": (4, 9, 499_000_000, 91_168),
    "clip-vision": (4, 5, 1_214_000_000, 257 * 768),
    "clip-image": (2, 3, 2_528_000_000, 1_024),
}


@pytest.fixture
def weights(tmp_path, meaningless):
    """Return a function that writes weights of the published sizes, as they are published."""

    def write(model):
        import torch

        shapes = {name: one.shape for name, one in skeleton(model).state_dict().items()}
        if model != "vdvae":
            return meaningless(tmp_path / "open_clip_model.safetensors", shapes)
        torch.manual_seed(0)
        path = tmp_path / "imagenet64-iter-1600000-model-ema.th"
        torch.save({name: 0.02 * torch.randn(shape) for name, shape in shapes.items()}, path)
        return path

    return write


def skeleton(model):
    return encoder_of(model, "published", SETTINGS[model]).pretrained.skeleton()


@pytest.mark.slow
@pytest.mark.parametrize("model", CASES)
def test_a_published_network_takes_what_is_planned(weights, record_property, tmp_path, model):
    path = weights(model)
    said = subprocess.run(
        [sys.executable, __file__, model, str(path)],
        capture_output=True,
        text=True,
        check=True,
        cwd=Path(__file__).parents[3],
        env={**os.environ, "PYTHONPATH": ".", "VOX2PIX_WEIGHTS": str(tmp_path / "ours")},
    )
    found = json.loads(said.stdout)
    record_property(model, found)
    _, count, size, width = CASES[model]
    assert path.stat().st_size > found["resident"] > size
    assert found["shape"] == [count, width]
    assert found["used"] < found["planned"] < 2 * found["used"], found


def measure(model: str, weights: str) -> dict[str, object]:
    """Encode some pictures; return bytes that were planned and used."""
    from pipeline.bench.memory import Peak
    from pipeline.models.vision_ops import prepare_torchvision

    prepare_torchvision()
    batch, count, *_ = CASES[model]
    pictures = np.random.default_rng(0).integers(0, 256, (count, SIDE, SIDE, 3), np.uint8)
    coords = {
        "image_id": ("image", np.arange(count).astype(str).astype(object)),
        "split": ("image", np.full(count, "train", object)),
    }
    stimuli = xr.Dataset({"picture": (("image", "y", "x", "channel"), pictures)}, coords=coords)
    network = encoder_of(model, weights, SETTINGS[model]).pretrained.identity()
    lazy = picture_features(
        stimuli, weights=weights, model=model, batch=batch, network=network, **SETTINGS[model]
    )
    cost = picture_features.cost(lazy, stimuli=stimuli)
    peak = Peak()
    made = block_of(lazy)(0, count)["value"]
    assert np.isfinite(made).all()
    used = peak.growth()
    return {"shape": made.shape, "planned": cost.memory, "resident": cost.resident, "used": used}


if __name__ == "__main__":
    sys.stdout.write(json.dumps(measure(*sys.argv[1:])))
