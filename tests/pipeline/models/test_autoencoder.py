"""Frozen autoencoders, from a folder in diffusers' layout, and what is said where there is none."""

from __future__ import annotations

import json

import pytest
import torch

from pipeline.errors import ShapeError
from pipeline.models.autoencoder import PARAMETERS, STABLE_DIFFUSION, Autoencoder, decode
from pipeline.models.networks import build, parameters
from pipeline.models.vision_ops import prepare_torchvision
from pipeline.models.weights import WeightsMissing


@pytest.fixture
def small(tmp_path):
    """An autoencoder as anybody saves one."""
    prepare_torchvision()
    from diffusers import AutoencoderKL

    torch.manual_seed(3)
    how = {"block_out_channels": (4, 8), "layers_per_block": 1, "latent_channels": 2, "norm_num_groups": 2}
    kinds = {"down_block_types": ("DownEncoderBlock2D",) * 2, "up_block_types": ("UpDecoderBlock2D",) * 2}
    made = AutoencoderKL(**how, **kinds).eval()
    made.save_pretrained(tmp_path / "vae")
    return made, tmp_path / "vae"


def test_the_published_one_has_the_published_parameters():
    assert parameters(Autoencoder(STABLE_DIFFUSION, None).skeleton()) == PARAMETERS


def test_a_folder_of_weights_is_read(small):
    made, folder = small
    found = Autoencoder.of(str(folder))
    assert (found.factor, found.channels) == (2, 2)
    latents = torch.randn(3, 2, 4, 4)
    network = found.load()
    assert not any(one.requires_grad for one in network.parameters())
    torch.testing.assert_close(decode(network, latents), made.decode(latents).sample)
    assert decode(network, latents).shape == (3, 3, 8, 8)


def test_a_changed_weight_has_another_identity(small):
    _, folder = small
    before = Autoencoder.of(str(folder)).identity()
    assert set(before) == {"config.json", "diffusion_pytorch_model.safetensors"}
    weights = folder / "diffusion_pytorch_model.safetensors"
    content = weights.read_bytes()
    weights.write_bytes(content[:-1] + bytes([content[-1] ^ 1]))
    assert Autoencoder.of(str(folder)).identity() != before


def test_missing_weights_are_a_sentence_with_the_command(monkeypatch, tmp_path):
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_CACHE", str(tmp_path))
    monkeypatch.setenv("VOX2PIX_WEIGHTS", str(tmp_path / "ours"))
    with pytest.raises(
        WeightsMissing,
        match=r"not on this machine; .* vox2pix weights fetch stable-diffusion-1-5/vae",
    ):
        Autoencoder.of("published")


def test_a_folder_without_a_model_is_told(tmp_path):
    with pytest.raises(
        WeightsMissing, match=r"holds no model stable-diffusion-1-5/vae .* itself config.json"
    ):
        Autoencoder.of(str(tmp_path))


def test_a_model_that_is_no_autoencoder_is_told(small):
    _, folder = small
    said = json.loads((folder / "config.json").read_text())
    (folder / "config.json").write_text(json.dumps({**said, "_class_name": "UNet2DModel"}))
    with pytest.raises(WeightsMissing, match="'UNet2DModel', which is none of diffusers' autoencoders"):
        Autoencoder.of(str(folder)).load()


def test_damaged_weights_are_told(small):
    _, folder = small
    (folder / "diffusion_pytorch_model.safetensors").write_bytes(b"no weights")
    with pytest.raises(WeightsMissing, match="could not be read"):
        Autoencoder.of(str(folder)).load()


@pytest.mark.parametrize(
    ("name", "how", "expected"),
    [
        (
            "AutoencoderTiny",
            {
                "encoder_block_out_channels": (4, 4),
                "decoder_block_out_channels": (4, 4),
                "num_encoder_blocks": (1, 1),
                "num_decoder_blocks": (1, 1),
                "latent_channels": 3,
            },
            (3, 2),
        ),
        (
            "VQModel",
            {
                "block_out_channels": (4, 4, 8),
                "down_block_types": ("DownEncoderBlock2D",) * 3,
                "up_block_types": ("UpDecoderBlock2D",) * 3,
                "norm_num_groups": 2,
                "num_vq_embeddings": 8,
                "latent_channels": 3,
            },
            (3, 4),
        ),
    ],
)
def test_other_autoencoders_of_diffusers_tell_their_shape(tmp_path, name, how, expected):
    prepare_torchvision()
    import diffusers

    getattr(diffusers, name)(**how).save_pretrained(tmp_path / "other")
    found = Autoencoder.of(str(tmp_path / "other"))
    assert (found.channels, found.factor) == expected
    latents = torch.randn(2, 3, 4, 4, requires_grad=True)
    made = decode(found.load(), latents)
    assert made.shape == (2, 3, 4 * found.factor, 4 * found.factor)
    made.square().mean().backward()
    assert latents.grad.abs().max() > 0


def test_grey_pictures_are_the_mean_of_coloured_ones(small):
    made, folder = small
    found = Autoencoder.of(str(folder))
    latents = torch.randn(2, 2, 4, 4)
    grey = decode(made, latents, channels=1)
    torch.testing.assert_close(grey, decode(made, latents).mean(1, keepdim=True))
    found.check_pictures(1)
    found.check_pictures(3)
    with pytest.raises(ShapeError, match=r"makes pictures of 3 channels, .* have 4; name another"):
        found.check_pictures(4)


def test_an_autoencoder_of_moving_pictures_is_told(small):
    _, folder = small
    said = json.loads((folder / "config.json").read_text())
    (folder / "config.json").write_text(
        json.dumps({**said, "_class_name": "AutoencoderKLTemporalDecoder", "latent_channels": 2})
    )
    with pytest.raises(WeightsMissing, match=r"decodes no \(picture, channel, y, x\) latent"):
        _ = Autoencoder.of(str(folder)).factor


def test_random_weights_are_always_the_same_ones():
    found = Autoencoder.of("random")
    assert (found.factor, found.channels) == (8, 4)  # as the published one
    one, other = found.load(), found.load()
    assert all(torch.equal(a, b) for a, b in zip(one.parameters(), other.parameters(), strict=True))


@pytest.mark.slow
def test_a_step_through_the_full_decoder():
    encoder = build("basic-ae", {"width": 4660, "latent": (4, 16)})
    autoencoder = Autoencoder(STABLE_DIFFUSION, None).load()
    made = decode(autoencoder, encoder(torch.randn(1, 4660)))
    assert made.shape == (1, 3, 128, 128)
    made.square().mean().backward()
    assert all(one.grad is not None for one in encoder.parameters())
