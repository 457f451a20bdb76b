"""Authors' files, written as safetensors that the networks load."""

from __future__ import annotations

import json

import pytest
import torch

from pipeline.models import conversion, expected
from pipeline.models.checking import check
from pipeline.models.checkpoint import read
from pipeline.models.conversion import CONFIGS, convert
from pipeline.models.hierarchy import Hierarchy
from pipeline.models.published import named
from pipeline.models.vdvae import VDVAE
from pipeline.models.vision_ops import prepare_torchvision
from pipeline.models.weights import WeightsMissing, located
from storage.errors import Denied

SMALL = Hierarchy("8x1,8d2,4x1,4d4,1x1", "1x1,4m1,8m4", width=8, channels=2, components=2)
SIZES = {"block_out_channels": [4, 4], "norm_num_groups": 2}
AUTOENCODER = {
    **CONFIGS["vae"],
    **SIZES,
    "down_block_types": ["DownEncoderBlock2D"] * 2,
    "up_block_types": ["UpDecoderBlock2D"] * 2,
}


@pytest.fixture(autouse=True)
def small(monkeypatch):
    monkeypatch.setattr(expected, "_vdvae", lambda: VDVAE(SMALL))
    monkeypatch.setattr(conversion, "CONFIGS", {"vae": AUTOENCODER})


def test_the_very_deep_vae(tmp_path):
    torch.manual_seed(1)
    tensors = VDVAE(SMALL).state_dict()
    file = tmp_path / "some.th"
    torch.save({f"module.{name}": one for name, one in tensors.items()}, file)
    (path,) = convert(file, tmp_path / "to")
    assert path == located("vdvae", str(tmp_path / "to"))
    assert path.name == named("vdvae")[1][0].path.replace(".th", ".safetensors")
    found = read(path)
    assert all(torch.equal(found[name], one) for name, one in tensors.items())
    assert [(one.wrong, one.compared) for one in check("vdvae", str(tmp_path / "to"))] == [("", True)]


def autoencoder(tmp_path):
    """One file as the authors write it, of halves, and what it holds by diffusers' names."""
    prepare_torchvision()
    from diffusers import AutoencoderKL

    torch.manual_seed(2)
    held = AutoencoderKL.from_config(AUTOENCODER).half().state_dict()
    names = {
        "mid_block.resnets.0": "mid.block_1",
        "mid_block.resnets.1": "mid.block_2",
        "mid_block.attentions.0": "mid.attn_1",
        "encoder.down_blocks.0.downsamplers.0": "encoder.down.0.downsample",
        "decoder.up_blocks.0.upsamplers.0": "decoder.up.1.upsample",
        "encoder.down_blocks.0.resnets": "encoder.down.0.block",
        "encoder.down_blocks.1.resnets": "encoder.down.1.block",
        "decoder.up_blocks.0.resnets": "decoder.up.1.block",
        "decoder.up_blocks.1.resnets": "decoder.up.0.block",
        "conv_shortcut": "nin_shortcut",
        "conv_norm_out": "norm_out",
        "group_norm": "norm",
        "to_q": "q",
        "to_k": "k",
        "to_v": "v",
        "to_out.0": "proj_out",
    }
    file = {}
    for name, one in held.items():
        old = name
        for now, former in names.items():
            old = old.replace(now, former)
        file[old] = one[:, :, None, None] if "attn_1" in old and one.ndim == 2 else one
    torch.save(file, tmp_path / "kl-f8.pth")
    return tmp_path / "kl-f8.pth", held


def test_a_part_of_versatile_diffusion(tmp_path):
    file, held = autoencoder(tmp_path)
    from diffusers import AutoencoderKL

    described, weights = convert(file, tmp_path / "to")
    assert json.loads(described.read_text())["_class_name"] == "AutoencoderKL"
    folder = located("versatile-diffusion/vae", str(tmp_path / "to"))
    assert weights.parent == folder
    network = AutoencoderKL.from_pretrained(folder, torch_dtype=torch.float16, local_files_only=True)
    assert all(torch.equal(network.state_dict()[name], one) for name, one in held.items())
    assert not [one.wrong for one in check("versatile-diffusion/vae", str(tmp_path / "to")) if one.wrong]


def test_another_size_writes_nothing(tmp_path, monkeypatch):
    file, _ = autoencoder(tmp_path)
    monkeypatch.setattr(conversion, "CONFIGS", {"vae": {**AUTOENCODER, "latent_channels": 3}})
    with pytest.raises(
        WeightsMissing, match=r"kl-f8.pth holds another vae than Versatile Diffusion's: .* has shape"
    ):
        convert(file, tmp_path / "to")
    assert not [one for one in (tmp_path / "to").rglob("*") if one.is_file()]


def test_a_folder_that_cannot_be(tmp_path):
    file, _ = autoencoder(tmp_path)
    (tmp_path / "to").write_text("no folder")
    with pytest.raises(Denied, match=r"to can't be written \(Not a directory\); name another folder by --to"):
        convert(file, tmp_path / "to")


def test_a_file_of_something_else(tmp_path):
    torch.save({"a": torch.ones(1)}, tmp_path / "a.pth")
    with pytest.raises(
        WeightsMissing, match=r"holds 1 tensors, but not those of the very deep VAE, nor of Vers"
    ):
        convert(tmp_path / "a.pth", tmp_path / "to")
    with pytest.raises(WeightsMissing, match="there is no file"):
        convert(tmp_path / "b.pth", tmp_path / "to")
    assert not (tmp_path / "to").exists()
