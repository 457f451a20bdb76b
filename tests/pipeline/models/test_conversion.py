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
from pipeline.models.versatile import Versatile
from pipeline.models.versatile_names import DIFFUSION
from pipeline.models.vision_ops import prepare_torchvision
from pipeline.models.weights import WeightsMissing, located
from storage.errors import Denied
from tests.authors import of_autoencoder, of_unet

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
    file = dict(of_autoencoder(name, one, 2) for name, one in held.items())
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


def test_a_converted_versatile_diffusion_paints_as_the_original(tmp_path, monkeypatch):
    unets = {
        folder: {
            **CONFIGS[folder],
            "block_out_channels": [8, 8, 16, 16],
            "norm_num_groups": 4,
            "attention_head_dim": 2,
            "cross_attention_dim": 6,
        }
        for folder in ("image_unet", "text_unet")
    }
    monkeypatch.setattr(conversion, "CONFIGS", {**unets, "vae": AUTOENCODER})
    prepare_torchvision()
    from diffusers import UNet2DConditionModel
    from diffusers.pipelines.deprecated.versatile_diffusion.modeling_text_unet import UNetFlatConditionModel

    torch.manual_seed(4)
    image = UNet2DConditionModel.from_config(unets["image_unet"])
    text = UNetFlatConditionModel.from_config(unets["text_unet"])
    text.time_embedding.load_state_dict(image.time_embedding.state_dict())  # they share it
    file = {}
    for network, name in ((image, "unet_image"), (text, "unet_text")):
        held = network.state_dict()
        file |= {old: held[new] for new, old in of_unet(held, f"{DIFFUSION}{name}.").items()}
    torch.save(file, tmp_path / "vd.pth")
    vae, _ = autoencoder(tmp_path)
    for one in (tmp_path / "vd.pth", vae):
        convert(one, tmp_path / "to")
    assert not [one.wrong for one in check("versatile-diffusion", str(tmp_path / "to")) if one.wrong]

    unet = Versatile.of(str(tmp_path / "to")).load().unet
    noisy, step = torch.randn(1, 4, 8, 8), torch.tensor([300])
    of_text, of_vision = torch.randn(1, 77, 6), torch.randn(1, 257, 6)
    with torch.no_grad():
        seen = image(noisy, step, of_vision).sample
        image.load_state_dict(
            {k: one for k, one in text.state_dict().items() if ".attentions." in k}, strict=False
        )
        told = image(noisy, step, of_text).sample
        for mixing, expected in ((0.0, seen), (1.0, told)):
            found = unet(noisy, step, text=of_text, vision=of_vision, mixing=mixing)
            torch.testing.assert_close(found, expected)
    assert not torch.allclose(seen, told)


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
