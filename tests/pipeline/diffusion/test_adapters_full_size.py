"""The maintained generators at full size: parameters as published, and the memory that `plan` reckons with.

Networks are laid out without memory for their weights. Those that fit beside other work are loaded, from
files of numbers of no meaning, and paint a picture in one step, in a process of its own, as a worker is: this
file as a script, with a generator and a folder of weights.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest
import torch

from pipeline.diffusion.adapters import IpAdapter
from pipeline.diffusion.generators import as_levels
from pipeline.diffusion.kandinsky import Kandinsky
from pipeline.models import architectures as sizes
from pipeline.models.autoencoder import PARAMETERS, STABLE_DIFFUSION
from pipeline.models.image_prompt import adapted_skeleton, shapes
from pipeline.models.networks import nbytes, parameters
from pipeline.models.parts import Part
from pipeline.models.published import named

UNET = "UNet2DConditionModel"
GIB = 2**30

pytestmark = pytest.mark.slow


@pytest.mark.parametrize(
    ("kind", "described", "published"),
    [
        (UNET, sizes.SD15_UNET, 859_520_964),
        (UNET, sizes.SDXL_UNET, 2_567_463_684),
        ("AutoencoderKL", STABLE_DIFFUSION, PARAMETERS),
        # text encoders of SDXL: 817,720,320 together
        ("CLIPTextModel", sizes.TEXT, 123_060_480),
        ("CLIPTextModelWithProjection", sizes.TEXT_G, 694_659_840),
        # Kandinsky-2's readme: 1.22 B, 67 M and 1.8 B; no exact numbers are published
        (UNET, sizes.KANDINSKY_UNET, 1_253_057_288),
        ("VQModel", sizes.MOVQ, 67_832_495),
        ("CLIPVisionModelWithProjection", sizes.VISION_G, 1_844_907_264),
    ],
)
def test_networks_have_the_published_parameters(kind, described, published):
    assert parameters(Part(kind, described).skeleton()) == published


@pytest.mark.parametrize(
    ("described", "published"),
    # Numbers of half precision in the published files: ip-adapter_sd15 of 44.6 MB, sdxl_vit-h of 698 MB
    [(sizes.SD15_UNET, 22_319_616), (sizes.SDXL_UNET, 349_188_096)],
)
def test_adapters_have_the_published_parameters(described, published):
    unet = Part(UNET, described).skeleton()
    before = parameters(unet)
    count = 0
    for shape in shapes(unet).values():
        size = 1
        for extent in shape:
            size *= extent
        count += size
    assert count == published
    adapted = adapted_skeleton(unet)
    assert parameters(adapted) == before + published
    assert all(one.is_meta for one in adapted.parameters())


def _describe(folder, described, kind):
    folder.mkdir(parents=True)
    (folder / "config.json").write_text(json.dumps({"_class_name": kind, **described}))
    (folder / "model.safetensors").write_bytes(b"")  # layouts are told by the description alone


@pytest.mark.parametrize(
    ("base", "models", "layers"), [("sdxl", (5.7, 5.8), (2.0, 4.0)), ("sd15", (1.75, 1.85), (0.4, 1.0))]
)
def test_memory_of_an_adapted_base(tmp_path, monkeypatch, record_property, base, models, layers):
    """In halves, a batch of 4 under guidance; SDXL's autoencoder in full precision, as published."""
    model = {"sdxl": "stable-diffusion-xl", "sd15": "stable-diffusion-1-5"}[base]
    unet = {"sdxl": sizes.SDXL_UNET, "sd15": sizes.SD15_UNET}[base]
    vae = STABLE_DIFFUSION | ({"force_upcast": True} if base == "sdxl" else {})
    _describe(tmp_path / model / "unet", unet, UNET)
    _describe(tmp_path / model / "vae", vae, "AutoencoderKL")
    for name, text in (("text_encoder", sizes.TEXT), ("text_encoder_2", sizes.TEXT_G)):
        _describe(tmp_path / model / name, text, text["architectures"][0])
    monkeypatch.setattr(IpAdapter, "identity", lambda self: {"weights": self.base})
    monkeypatch.setattr(IpAdapter, "_adapter", property(lambda _: None))
    found = IpAdapter(str(tmp_path), base=base, dtype="float16").memory()
    _record(record_property, base, found)
    assert models[0] < found[0] / GIB < models[1]
    assert layers[0] < found[1] / GIB < layers[1]
    published = {"sdxl": 2_567_463_684 + 349_188_096, "sd15": 859_520_964 + 22_319_616}[base]
    assert found[0] == pytest.approx(2 * published + PARAMETERS * (4 if base == "sdxl" else 2), rel=1e-4)


def test_memory_of_kandinsky(tmp_path, monkeypatch, record_property):
    """Its image encoder is larger than what paints, and let go before that is loaded."""
    _describe(tmp_path / "kandinsky-2-2" / "unet", sizes.KANDINSKY_UNET, UNET)
    _describe(tmp_path / "kandinsky-2-2" / "movq", sizes.MOVQ, "VQModel")
    _describe(
        tmp_path / "kandinsky-2-2-prior" / "image_encoder",
        sizes.VISION_G,
        "CLIPVisionModelWithProjection",
    )
    monkeypatch.setattr(Kandinsky, "identity", lambda _: {"weights": "none"})
    found = Kandinsky(str(tmp_path), dtype="float16").memory()
    _record(record_property, "kandinsky", found)
    assert 3.4 < found[0] / GIB < 3.5
    assert 0.4 < found[1] / GIB < 1


def _record(record_property, name, found):
    models, layers = (round(one / GIB, 2) for one in found)
    record_property(name, f"networks {models} GiB, layers of a batch of 4 {layers} GiB")


NOISES = {"ip-adapter": sizes.NOISE, "kandinsky": sizes.KANDINSKY_NOISE}


def _sd15(folder, write):
    base = folder / "stable-diffusion-1-5"
    _network(base / "unet", sizes.SD15_UNET, UNET, write)
    _network(base / "vae", STABLE_DIFFUSION, "AutoencoderKL", write)
    _describe(base / "text_encoder", sizes.TEXT, "CLIPTextModel")
    adapter = folder / "ip-adapter" / named("ip-adapter/sd15")[1][0].path
    write(adapter, shapes(Part(UNET, sizes.SD15_UNET).skeleton()))
    return base


def _kandinsky(folder, write):
    base = folder / "kandinsky-2-2"
    _network(base / "unet", sizes.KANDINSKY_UNET, UNET, write)
    _network(base / "movq", sizes.MOVQ, "VQModel", write)
    prior = folder / "kandinsky-2-2-prior"
    _describe(prior / "image_encoder", sizes.VISION_G, "CLIPVisionModelWithProjection")
    return base


def _network(folder, described, kind, write):
    _describe(folder, described, kind)
    made = Part(kind, described).skeleton().state_dict()
    write(folder / "model.safetensors", {name: one.shape for name, one in made.items()})
    (folder / "model.safetensors").rename(folder / "diffusion_pytorch_model.safetensors")


@pytest.mark.parametrize(
    ("generator", "lay", "published"),
    [
        ("ip-adapter", _sd15, 859_520_964 + 22_319_616 + PARAMETERS),
        ("kandinsky", _kandinsky, 1_253_057_288 + 67_832_495),
    ],
)
def test_a_step_at_full_size_takes_what_is_told(
    tmp_path, meaningless, record_property, generator, lay, published
):
    """One step of two halves at 64 x 64 latents, and the picture of 512 pixels; in float32, on the CPU."""
    scheduler = lay(tmp_path, meaningless) / "scheduler"
    scheduler.mkdir()
    (scheduler / "scheduler_config.json").write_text(json.dumps(dict(NOISES[generator])))
    said = subprocess.run(
        [sys.executable, __file__, generator, str(tmp_path)],
        capture_output=True,
        text=True,
        check=True,
        cwd=Path(__file__).parents[3],
        env={**os.environ, "PYTHONPATH": ".", "VOX2PIX_WEIGHTS": str(tmp_path / "ours")},
    )
    found = json.loads(said.stdout)
    record_property(generator, found)
    assert found["paints"] == pytest.approx(4 * published, rel=1e-3)
    assert found["shape"] == [1, 512, 512, 3]
    assert found["spread"] > 0
    # as the stage plans: kernels work on copies. What is needed once and let go may be more than what paints
    assert found["paints"] < found["used"] < found["paints"] + 2 * found["layers"], found
    assert found["paints"] <= found["models"], found


def measure(generator: str, folder: str) -> dict[str, object]:
    """Load the networks and paint a picture in a step; return bytes that were told and taken."""
    from pipeline.bench.memory import Peak
    from pipeline.diffusion.conditioned import kind

    settings = {"base": "sd15"} if generator == "ip-adapter" else {}
    made = kind(generator)(weights=folder, batch=1, steps=1, dtype="float32", **settings)
    models, layers = made.memory()
    untold = {role: torch.zeros(1, width) for role, width in made.roles.items()}
    before, began = Peak(), time.process_time()
    networks = made.networks(torch.float32)
    seen = np.random.default_rng(0).standard_normal((1, made.roles["image"]), np.float32)
    picture = made.painted(networks, untold, {"image": seen, "seeds": np.array([7])})
    return {
        "used": before.growth(),  # files are mapped: weights come as they are needed
        "models": models,
        "layers": layers,
        "paints": nbytes(networks.unet) + nbytes(networks.autoencoder),
        "seconds": time.process_time() - began,
        "shape": list(as_levels(picture).shape),
        "spread": float(picture.std()),
    }


if __name__ == "__main__":
    sys.stdout.write(json.dumps(measure(*sys.argv[1:])))
