"""IP-Adapter's weights: the published names and shapes, and what is said of others."""

from __future__ import annotations

import pytest
import torch
from safetensors.torch import save_file

from pipeline.models.architectures import RANDOM_SD15_UNET, RANDOM_SDXL_UNET, SD15_UNET
from pipeline.models.image_prompt import adapter, shapes, width_of
from pipeline.models.parts import Part
from pipeline.models.weights import WeightsMissing


def unet(described=RANDOM_SD15_UNET):
    return Part("UNet2DConditionModel", described).skeleton()


def test_names_and_shapes_are_those_of_the_published_file():
    found = shapes(unet(SD15_UNET))
    assert len(found) == 4 + 2 * 16
    assert found["image_proj.proj.weight"] == (3072, 1024)
    assert found["ip_adapter.1.to_k_ip.weight"] == (320, 768)
    assert found["ip_adapter.31.to_v_ip.weight"] == (1280, 768)  # of the middle, which is counted last


def test_an_adapter_is_read_back(tmp_path):
    network, place = unet(), tmp_path / "adapter.safetensors"
    made = adapter(None, network)
    save_file(made, place)
    read = adapter(place, network)
    assert read.keys() == made.keys()
    assert all(torch.equal(read[name], one) for name, one in made.items())
    assert width_of(place) == 1024


def test_an_adapter_of_another_base_is_told(tmp_path):
    save_file(adapter(None, unet(RANDOM_SDXL_UNET)), tmp_path / "sdxl.safetensors")
    with pytest.raises(WeightsMissing, match=r"no adapter for this UNet: image_proj.* check `base`"):
        adapter(tmp_path / "sdxl.safetensors", unet())


@pytest.mark.parametrize("read", [width_of, lambda place: adapter(place, unet())])
def test_another_form_of_the_adapter_is_told(tmp_path, read):
    save_file({"image_proj.latents": torch.zeros(1, 16, 8)}, tmp_path / "plus.safetensors")
    with pytest.raises(WeightsMissing, match="another form of IP-Adapter"):
        read(tmp_path / "plus.safetensors")


def test_a_damaged_adapter_is_told(tmp_path):
    (tmp_path / "damaged.safetensors").write_bytes(b"no weights")
    with pytest.raises(WeightsMissing, match="damaged"):
        adapter(tmp_path / "damaged.safetensors", unet())
