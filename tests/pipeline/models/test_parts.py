"""Parts of published models: read from folders, refused where they are others, and said nothing of."""

from __future__ import annotations

import json

import pytest
import torch

from pipeline.models.architectures import RANDOM_SD15_UNET, RANDOM_TEXT, RANDOM_TEXT_G, SD15_UNET
from pipeline.models.parts import Part, precision
from pipeline.models.weights import WeightsMissing
from tests.layouts import save

UNET, TEXT = "UNet2DConditionModel", "CLIPTextModel"


@pytest.fixture
def saved(tmp_path):
    folder = tmp_path / "stable-diffusion-1-5" / "unet"
    save(Part(UNET, RANDOM_SD15_UNET), folder)
    return tmp_path, folder


def of(root, kind=UNET, name="unet"):
    return Part.of(f"stable-diffusion-1-5/{name}", kind, str(root), {})


@pytest.mark.parametrize(
    ("kind", "described"),
    [
        (UNET, RANDOM_SD15_UNET),
        (TEXT, RANDOM_TEXT),
        ("CLIPTextModelWithProjection", RANDOM_TEXT_G),
    ],
)
def test_a_part_is_read_back_without_a_word(tmp_path, capfd, kind, described):
    made = Part(kind, described)
    save(made, tmp_path)
    capfd.readouterr()
    read = Part(kind, json.loads((tmp_path / "config.json").read_text()), tmp_path)
    network, expected = read.load(torch.float32), made.load(torch.float32)
    assert capfd.readouterr() == ("", "")
    assert not any(one.requires_grad for one in network.parameters())
    for name, one in expected.state_dict().items():
        torch.testing.assert_close(network.state_dict()[name], one, rtol=0, atol=0)
    assert read.nbytes() == made.nbytes() >= sum(4 * one.numel() for one in network.parameters())


def test_random_weights_are_the_same_again_and_leave_torch_s_generator_alone():
    torch.manual_seed(3)
    before = torch.random.get_rng_state()
    one, other = (Part(UNET, RANDOM_SD15_UNET).load(torch.float32) for _ in range(2))
    assert torch.equal(torch.random.get_rng_state(), before)
    assert torch.equal(one.conv_in.weight, other.conv_in.weight)
    assert Part(UNET, RANDOM_SD15_UNET).identity() == {"weights": "random"}


def test_halves_are_read_where_only_they_are_there(saved):
    root, folder = saved
    weights = folder / "diffusion_pytorch_model.safetensors"
    weights.rename(folder / "diffusion_pytorch_model.fp16.safetensors")
    assert of(root).load(torch.float16).dtype == torch.float16


def test_another_network_is_told(saved):
    root, folder = saved
    with pytest.raises(WeightsMissing, match=r"holds a UNet2DConditionModel, and .* is a VQModel"):
        of(root, "VQModel")
    described = json.loads((folder / "config.json").read_text())
    (folder / "config.json").write_text(json.dumps({**described, "cross_attention_dim": 24}))
    with pytest.raises(WeightsMissing, match="could not be read"):
        of(root).load(torch.float32)


def test_lacking_weights_are_told(saved):
    from safetensors.torch import load_file, save_file

    root, folder = saved
    weights = folder / "diffusion_pytorch_model.safetensors"
    held = load_file(weights)
    del held["conv_in.weight"]
    save_file(held, weights, {"format": "pt"})
    with pytest.raises(WeightsMissing, match=r"lack conv_in.weight \(1 such\); fetch them again"):
        of(root).load(torch.float32)


def test_damaged_weights_are_told(saved):
    root, folder = saved
    (folder / "diffusion_pytorch_model.safetensors").write_bytes(b"no weights")
    with pytest.raises(WeightsMissing, match="could not be read"):
        of(root).load(torch.float32)


def test_keys_of_a_later_diffusers_are_passed_over(capfd):
    network = Part(UNET, {**RANDOM_SD15_UNET, "not_yet_known": 1}).skeleton()
    assert network.conv_in.weight.is_meta
    assert capfd.readouterr() == ("", "")


def test_a_skeleton_takes_no_memory():
    network = Part(UNET, SD15_UNET).skeleton()
    assert all(one.is_meta for one in network.parameters())
    assert Part(UNET, SD15_UNET).nbytes() == 4 * 859_520_964


def test_halves_are_taken_on_a_gpu_unless_told_otherwise():
    assert precision(None, "cuda") == torch.float16
    assert precision(None, "cpu") == precision("float32", "cuda") == torch.float32
    assert precision("bfloat16", "cpu") == torch.bfloat16
