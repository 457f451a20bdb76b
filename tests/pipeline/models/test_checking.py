"""Weights that are whole, and those that are cut, changed, another network's, or more than numbers."""

from __future__ import annotations

import json
import warnings
from pathlib import Path

import pytest
import torch
from safetensors.torch import save_file

from pipeline.models import expected
from pipeline.models.checking import check
from pipeline.models.expected import misfit, shapes
from pipeline.models.fetching import fetch
from pipeline.models.hierarchy import Hierarchy
from pipeline.models.published import CATALOGUE, named
from pipeline.models.sums import note
from pipeline.models.vdvae import VDVAE
from pipeline.models.vision_ops import prepare_torchvision
from pipeline.models.weights import WeightsMissing, hashed

VDVAE_FILE = named("vdvae")[1][0].path
SMALL = Hierarchy("8x1,8d2,4x1,4d4,1x1", "1x1,4m1,8m4", width=8, channels=2, components=2)


@pytest.fixture(autouse=True)
def places(monkeypatch, tmp_path):
    """A small network in place of the published one, and an empty folder of ours."""
    monkeypatch.setattr(expected, "_vdvae", lambda: VDVAE(SMALL))
    monkeypatch.setenv("VOX2PIX_WEIGHTS", str(tmp_path / "ours"))
    return tmp_path


@pytest.fixture
def tensors():
    torch.manual_seed(1)
    return VDVAE(SMALL).state_dict()


def kept(tensors, folder):
    path = folder / "vdvae" / VDVAE_FILE
    path.parent.mkdir(parents=True, exist_ok=True)
    torch.save(tensors, path)
    note(path.parent, {VDVAE_FILE: hashed(path)})
    return path


def test_whole_weights(places, tensors):
    path = kept(tensors, places / "ours")
    (looked,) = check("vdvae", "published")
    assert (looked.path, looked.wrong, looked.compared) == (path, "", True)
    (path.parent / "SHA256SUMS").unlink()
    (looked,) = check("vdvae", "published")
    assert (looked.wrong, looked.compared) == ("", False)  # nobody has said its checksum
    (looked,) = check("vdvae", str(path))
    assert (looked.wrong, looked.compared) == ("", False)


def test_a_byte_that_changed(places, tensors):
    path = kept(tensors, places / "ours")
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 1
    path.write_bytes(content)
    wrong = [one.wrong for one in check("vdvae", "published") if one.wrong]
    assert "has sha256" in wrong[0]
    assert "remove it and fetch it again" in wrong[0]


def test_weights_cut_short(places, tensors):
    path = kept(tensors, places / "ours")
    path.write_bytes(path.read_bytes()[:-5000])
    wrong = [one.wrong for one in check("vdvae", str(path))]
    assert "has sha256" in wrong[0]
    assert wrong[1] == f"{path} is damaged, or no file of torch's; fetch it again"


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"decoder.gain": None}, "1 of .* tensors are not in it, the first is decoder.gain"),
        ({"decoder.gain": torch.ones(1, 9, 1, 1)}, r"decoder.gain has shape \(1, 9, 1, 1\), expected \(1, 8"),
    ],
)
def test_another_network(places, tensors, change, said):
    changed = {name: one for name, one in {**tensors, **change}.items() if one is not None}
    path = kept(changed, places / "ours")
    (wrong,) = [one.wrong for one in check("vdvae", "published") if one.wrong]
    assert wrong.startswith(f"{path} holds other weights than those of vdvae")
    with pytest.raises(AssertionError, match=said):
        raise AssertionError(wrong)


class _Touch:
    def __init__(self, path):
        self.path = path

    def __reduce__(self):
        return Path.touch, (self.path,)


def test_code_is_told_and_not_executed(places, tensors):
    path = kept({**tensors, "more": _Touch(places / "touched")}, places / "ours")
    (wrong,) = [one.wrong for one in check("vdvae", str(path)) if one.wrong]
    assert "holds more than numbers" in wrong
    assert "Nothing was loaded" in wrong
    assert not (places / "touched").exists()


def test_a_program_is_told(tmp_path):
    path = tmp_path / VDVAE_FILE
    with warnings.catch_warnings(action="ignore"):
        torch.jit.save(torch.jit.trace(torch.nn.Linear(2, 2), torch.ones(1, 2)), path)
    (wrong,) = [one.wrong for one in check("vdvae", str(path)) if one.wrong]
    assert "is a TorchScript archive, which is a program. Nothing was loaded" in wrong


@pytest.fixture
def fetched(home, monkeypatch, places, tensors):
    """The home of the very deep VAE is this machine."""
    model = CATALOGUE["vdvae"]
    here = type(model)(**{**model.__dict__, "home": home.url})
    monkeypatch.setattr("pipeline.models.published.CATALOGUE", {**CATALOGUE, "vdvae": here})
    torch.save(tensors, places / "file")
    home.files[VDVAE_FILE] = (places / "file").read_bytes()
    return home


def test_what_was_fetched_is_looked_at_and_its_checksum_noted(fetched, places):
    made = fetch("vdvae", None, lambda _text: None)
    assert made == {VDVAE_FILE: places / "ours" / "vdvae" / VDVAE_FILE}
    (looked,) = check("vdvae", "published")
    assert looked.compared
    assert not looked.wrong
    fetch("vdvae", None, lambda _text: None)
    assert len(fetched.asked) == 1  # what is there and whole is left


def test_a_later_one_has_to_be_the_first_one(fetched, places):
    path = fetch("vdvae", None, lambda _text: None)[VDVAE_FILE]
    path.unlink()
    fetched.files[VDVAE_FILE] += b"more"
    with pytest.raises(Exception, match=r"has sha256 .*, expected .*; nothing was kept"):
        fetch("vdvae", None, lambda _text: None)
    assert not path.exists()


def test_what_holds_code_or_another_network_is_not_kept(fetched, places, tensors):
    for held, said in [
        ({**tensors, "more": _Touch(places / "touched")}, "holds more than numbers"),
        ({"a": torch.ones(1)}, "holds other weights than those of vdvae"),
    ]:
        torch.save(held, places / "file")
        fetched.files[VDVAE_FILE] = (places / "file").read_bytes()
        with pytest.raises(WeightsMissing, match=said):
            fetch("vdvae", places / "to", lambda _text: None)
        assert not list((places / "to").rglob("*.th"))
    assert not (places / "touched").exists()


def part_of(folder, network):
    network.save_pretrained(folder)
    return folder


def test_a_folder_of_diffusers(places):
    prepare_torchvision()
    from diffusers import AutoencoderKL

    how = {"block_out_channels": (4, 8), "layers_per_block": 1, "norm_num_groups": 2}
    kinds = {"down_block_types": ("DownEncoderBlock2D",) * 2, "up_block_types": ("UpDecoderBlock2D",) * 2}
    folder = part_of(places / "vae", AutoencoderKL(**how, **kinds))
    assert [one.wrong for one in check("stable-diffusion-1-5/vae", str(folder))] == ["", ""]
    file = folder / "diffusion_pytorch_model.safetensors"
    save_file({"a": torch.ones(2)}, file)
    wrong = [one.wrong for one in check("stable-diffusion-1-5/vae", str(folder)) if one.wrong]
    assert "tensors are not in it" in wrong[0]
    said = json.loads((folder / "config.json").read_text())
    (folder / "config.json").write_text(json.dumps({**said, "_class_name": "Nothing"}))
    (wrong,) = [one.wrong for one in check("stable-diffusion-1-5/vae", str(folder)) if one.wrong]
    assert wrong == "'Nothing' is no network of diffusers; fetch the folder again"


def test_the_autoencoder_under_its_former_names(places):
    prepare_torchvision()
    from diffusers import AutoencoderKL

    network = AutoencoderKL(block_out_channels=(4,), layers_per_block=1, norm_num_groups=2)
    folder = part_of(places / "vae", network)
    former = {"to_q": "query", "to_k": "key", "to_v": "value", "to_out.0": "proj_attn"}
    held = {}
    for name, one in network.state_dict().items():
        new = next(
            (name.replace(f".{now}.", f".{old}.") for now, old in former.items() if f".{now}." in name), name
        )
        held[new] = one[:, :, None, None].contiguous() if new != name and one.ndim == 2 else one
    assert any("query" in name for name in held)
    save_file(held, folder / "diffusion_pytorch_model.safetensors", {"format": "pt"})
    assert not [one.wrong for one in check("stable-diffusion-1-5/vae", str(folder)) if one.wrong]


def test_a_text_encoder_of_transformers(places):
    prepare_torchvision()
    from transformers import CLIPTextConfig, CLIPTextModel

    sizes = {"hidden_size": 8, "intermediate_size": 8, "num_hidden_layers": 1, "num_attention_heads": 2}
    folder = part_of(places / "text_encoder", CLIPTextModel(CLIPTextConfig(vocab_size=9, **sizes)))
    looked = list(check("stable-diffusion-1-5/text_encoder", str(folder)))
    assert looked
    assert not [one.wrong for one in looked if one.wrong]
    said = json.loads((folder / "config.json").read_text())
    (folder / "config.json").write_text(json.dumps({**said, "hidden_size": 16}))
    assert [one.wrong for one in check("stable-diffusion-1-5/text_encoder", str(folder)) if one.wrong]


def test_of_the_text_unet_only_its_attention_is_needed(places):
    prepare_torchvision()
    from diffusers.pipelines.deprecated.versatile_diffusion.modeling_text_unet import UNetFlatConditionModel

    network = UNetFlatConditionModel(
        in_channels=8,
        out_channels=8,
        down_block_types=("CrossAttnDownBlockFlat", "DownBlockFlat"),
        up_block_types=("UpBlockFlat", "CrossAttnUpBlockFlat"),
        block_out_channels=(8, 8),
        norm_num_groups=4,
        cross_attention_dim=4,
        attention_head_dim=2,
    )
    folder = part_of(places / "text_unet", network)
    assert not [one.wrong for one in check("versatile-diffusion/text_unet", str(folder)) if one.wrong]
    held = {name: one for name, one in network.state_dict().items() if ".attentions." in name}
    file = folder / "diffusion_pytorch_model.safetensors"
    save_file(held, file)
    assert not [one.wrong for one in check("versatile-diffusion/text_unet", str(folder)) if one.wrong]
    assert set(shapes("versatile-diffusion", folder)) == set(held)
    held.popitem()
    save_file(held, file)
    assert [one.wrong for one in check("versatile-diffusion/text_unet", str(folder)) if one.wrong]


def test_a_large_file_of_the_hub_cache_is_compared_with_its_name_there(places, monkeypatch):
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_CACHE", str(places / "hub"))
    save_file({"image_proj.norm.weight": torch.ones(2)}, places / "file")
    place = places / "hub" / "models--h94--IP-Adapter"
    blob = place / "blobs" / hashed(places / "file")
    link = place / "snapshots" / "c0ffee" / "models" / "ip-adapter_sd15.safetensors"
    for one in (blob, link):
        one.parent.mkdir(parents=True)
    blob.write_bytes((places / "file").read_bytes())
    link.symlink_to(blob)
    (looked,) = check("ip-adapter/sd15", "published")
    assert looked.compared
    assert not looked.wrong
    content = blob.read_bytes()
    blob.write_bytes(content[:-1] + bytes([content[-1] ^ 1]))
    (looked,) = check("ip-adapter/sd15", "published")
    assert f"has sha256 {hashed(blob)}, expected {blob.name}" in looked.wrong


def test_an_adapter(places):
    path = places / "ip-adapter_sd15.safetensors"
    held = {"image_proj.proj.weight": torch.ones(2, 3), "ip_adapter.1.to_k_ip.weight": torch.ones(2, 3)}
    save_file(held, path)
    assert [one.wrong for one in check("ip-adapter/sd15", str(path))] == [""]
    save_file({**held, "image_proj.latents": torch.ones(1)}, path)
    assert "image_proj.latents is of no such adapter" in [*check("ip-adapter/sd15", str(path))][-1].wrong


@pytest.mark.parametrize("name", ["clip-vit-l-14", "clip-vit-h-14"])
def test_clip_is_described_in_full(name):
    found = shapes(name, Path())
    (part,) = named(name)[1]
    assert sum(torch.Size(one).numel() for one in found.values()) == part.parameters


def test_the_very_deep_vae_is_described_in_full(monkeypatch):
    monkeypatch.undo()
    found = shapes("vdvae", Path())
    assert len(found) == 2482
    assert sum(torch.Size(one).numel() for one in found.values()) == named("vdvae")[1][0].parameters


def test_more_than_is_needed_may_be_there():
    assert misfit({"a": (1,), "b": (2,)}, {"a": (1,)}) is None
