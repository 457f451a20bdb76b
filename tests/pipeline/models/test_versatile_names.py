"""The names of Versatile Diffusion's own files, against diffusers' converters of files of the same make."""

from __future__ import annotations

import pytest
import torch

from pipeline.models.conversion import CONFIGS
from pipeline.models.versatile_names import DIFFUSION, renamed
from pipeline.models.vision_ops import prepare_torchvision
from tests.authors import of_autoencoder, of_unet


def unet(config):
    prepare_torchvision()
    import diffusers
    from diffusers.pipelines.deprecated.versatile_diffusion.modeling_text_unet import UNetFlatConditionModel

    kind = UNetFlatConditionModel if "Flat" in config["_class_name"] else diffusers.UNet2DConditionModel
    with torch.device("meta"):
        return kind.from_config(dict(config))


@pytest.mark.parametrize("folder", ["image_unet", "text_unet"])
def test_each_tensor_of_a_unet_finds_its_place(folder):
    held = unet(CONFIGS[folder]).state_dict()
    before = f"{DIFFUSION}{'unet_image' if folder == 'image_unet' else 'unet_text'}."
    old = of_unet(held, before)
    assert set(old) == set(held)
    assert len(set(old.values())) == len(held) == 686
    if folder == "image_unet":
        assert old["down_blocks.0.downsamplers.0.conv.weight"].endswith("input_blocks.3.0.op.weight")
        assert old["up_blocks.0.upsamplers.0.conv.weight"].endswith("output_blocks.2.1.conv.weight")
    made = renamed({old[name]: one for name, one in held.items()})
    assert set(made) == {folder}
    assert {name: one.shape for name, one in made[folder].items()} == {
        name: one.shape for name, one in held.items()
    }


def test_the_unet_of_pictures_as_diffusers_converts_it():
    from diffusers.loaders.single_file_utils import convert_ldm_unet_checkpoint

    config = {
        **CONFIGS["image_unet"],
        "block_out_channels": [8, 8, 16, 16],
        "norm_num_groups": 4,
        "attention_head_dim": 2,
        "cross_attention_dim": 6,
    }
    torch.manual_seed(0)
    network = unet(config).to_empty(device="cpu")
    held = {name: torch.randn(one.shape) for name, one in network.state_dict().items()}
    before = f"{DIFFUSION}unet_image."
    file = {old: held[new] for new, old in of_unet(held, before).items()}
    plain = {name.replace(before, DIFFUSION): one for name, one in file.items()}
    expected = convert_ldm_unet_checkpoint(plain, config)
    found = renamed(file)["image_unet"]
    assert set(found) == set(expected) == set(held)
    assert all(torch.equal(found[name], expected[name]) for name in expected)
    network.load_state_dict(found)


def test_both_share_what_embeds_the_time_and_the_rest_is_left_out():
    config = {
        **CONFIGS["image_unet"],
        "block_out_channels": [8] * 4,
        "norm_num_groups": 4,
        "attention_head_dim": 2,
    }
    held = unet(config).state_dict()
    file = {}
    for before in ("unet_image", "unet_text"):
        file |= {old: held[new] for new, old in of_unet(held, f"{DIFFUSION}{before}.").items()}
    file |= {"clip.model.logit_scale": torch.ones(()), "model_ema.decay": torch.ones(())}
    made = renamed(file)
    assert set(made) == {"image_unet", "text_unet"}
    assert len(made["image_unet"]) == len(made["text_unet"]) == len(held)
    assert (
        made["image_unet"]["time_embedding.linear_1.bias"]
        is made["text_unet"]["time_embedding.linear_1.bias"]
    )


@pytest.mark.parametrize("sizes", [[4, 8, 8, 8], [4, 8]])
def test_the_autoencoder_as_diffusers_converts_it(sizes):
    prepare_torchvision()
    from diffusers import AutoencoderKL
    from diffusers.loaders.single_file_utils import convert_ldm_vae_checkpoint

    config = {
        **CONFIGS["vae"],
        "block_out_channels": sizes,
        "down_block_types": ["DownEncoderBlock2D"] * len(sizes),
        "up_block_types": ["UpDecoderBlock2D"] * len(sizes),
        "norm_num_groups": 4,
    }
    torch.manual_seed(0)
    network = AutoencoderKL.from_config(config)
    file = {
        old: one
        for new, one in network.state_dict().items()
        for old, one in [of_autoencoder(new, one, len(sizes))]
    }
    assert "decoder.up.0.block.2.conv1.weight" in file
    assert file["encoder.mid.attn_1.q.weight"].ndim == 4
    expected = convert_ldm_vae_checkpoint(dict(file), config)
    found = renamed({**file, "loss.logvar": torch.zeros(())})["vae"]
    assert set(found) == set(network.state_dict())
    assert {name: one for name, one in expected.items() if name in found}.keys() == found.keys()
    assert all(torch.equal(found[name], expected[name].reshape(found[name].shape)) for name in found)
    network.load_state_dict(found)
