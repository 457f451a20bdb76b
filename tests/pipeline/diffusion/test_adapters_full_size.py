"""The maintained generators at full size: parameters as published, and the memory that `plan` reckons with.

Nothing is allocated: networks are laid out without memory for their weights.
"""

from __future__ import annotations

import json

import pytest

from pipeline.diffusion.adapters import IpAdapter
from pipeline.diffusion.kandinsky import Kandinsky
from pipeline.models import architectures as sizes
from pipeline.models.autoencoder import PARAMETERS, STABLE_DIFFUSION
from pipeline.models.image_prompt import adapted_skeleton, shapes
from pipeline.models.networks import parameters
from pipeline.models.parts import Part

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
