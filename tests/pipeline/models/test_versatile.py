"""The networks of Versatile Diffusion: built without numbers, filled from files of today and of 2022."""

from __future__ import annotations

import json
import pickle
import zipfile

import pytest
import torch
from safetensors.torch import save_file

from pipeline.models.autoencoder import RANDOM
from pipeline.models.dual import PLACE, image_unet
from pipeline.models.networks import WrongNetwork
from pipeline.models.versatile import FORMER, IMAGE_UNET, SMALL, Versatile, renamed
from pipeline.models.weights import WeightsMissing

SIZES = {**IMAGE_UNET, **SMALL, "cross_attention_dim": 12}
WEIGHTS = "diffusion_pytorch_model"


def state(sizes=SIZES, seed=0):
    torch.manual_seed(seed)
    return image_unet(sizes).state_dict()


def keep(folder, described, weights, *, pickled=False):
    folder.mkdir(parents=True)
    (folder / "config.json").write_text(json.dumps(dict(described)))
    if pickled:
        torch.save(weights, folder / f"{WEIGHTS}.bin")
    else:
        save_file(weights, folder / f"{WEIGHTS}.safetensors")


@pytest.fixture(params=[False, True], ids=["safetensors", "bin"])
def folder(tmp_path, request):
    """Return a folder as it is published, in small; the text UNet has tensors of its own shapes beside."""
    image = {"_class_name": "UNet2DConditionModel", **SIZES}
    pickled = request.param
    keep(tmp_path / "image_unet", image, state(), pickled=pickled)
    flat = {name: torch.zeros(1) for name in state() if not PLACE.search(name)}
    text = {name: one for name, one in state(seed=1).items() if PLACE.search(name)}
    keep(tmp_path / "text_unet", {"_class_name": "UNetFlatConditionModel"}, {**text, **flat}, pickled=pickled)
    keep(tmp_path / "vae", RANDOM, Versatile.of("random").load().autoencoder.state_dict(), pickled=pickled)
    return tmp_path


def test_networks_are_filled_from_the_published_layout(folder):
    found = Versatile.of(str(folder)).load()
    own, image, text = found.unet.state_dict(), state(), state(seed=1)
    name = "up_blocks.2.attentions.1"
    inside = "transformer_blocks.0.attn2.to_k.weight"
    assert torch.equal(own[f"unet.{name}.vision.{inside}"], image[f"{name}.{inside}"])
    assert torch.equal(own[f"unet.{name}.text.{inside}"], text[f"{name}.{inside}"])
    assert torch.equal(own["unet.conv_in.weight"], image["conv_in.weight"])
    assert not any(one.is_meta or one.requires_grad for one in found.unet.parameters())
    assert not found.unet.training
    assert not found.autoencoder.training


def test_identity_is_of_every_file(folder):
    before = Versatile.of(str(folder)).identity()
    assert len(before) == 6
    assert all(len(one) == 64 for one in before.values())
    path = next((folder / "text_unet").glob(f"{WEIGHTS}.*"))
    path.write_bytes(path.read_bytes() + b"\0")
    after = Versatile.of(str(folder)).identity()
    assert [name for name in before if before[name] != after[name]] == [f"text_unet/{path.name}"]


def test_attention_of_an_old_autoencoder_is_renamed():
    now = Versatile.of("random").load().autoencoder.state_dict()
    then = {}
    for name, one in now.items():
        before = name
        for old, new in FORMER.items():
            before = before.replace(f".attentions.0.{new}.", f".attentions.0.{old}.")
        then[before] = one
    assert "decoder.mid_block.attentions.0.proj_attn.weight" in then
    assert renamed(then).keys() == renamed(now).keys() == now.keys()


def test_random_networks_are_the_same_each_time_and_leave_chance_alone():
    torch.manual_seed(3)
    expected = torch.rand(2)
    torch.manual_seed(3)
    one, other = Versatile.of("random").load(), Versatile.of("random").load()
    assert torch.equal(torch.rand(2), expected)
    for mine, theirs in ((one.unet, other.unet), (one.autoencoder, other.autoencoder)):
        weights = theirs.state_dict()
        assert all(torch.equal(found, weights[name]) for name, found in mine.state_dict().items())
    dual = one.unet.unet.mid_block.attentions[0]
    assert not torch.equal(dual.vision.proj_in.weight, dual.text.proj_in.weight)


def test_random_networks_have_every_layer_of_the_published_ones():
    published = Versatile(IMAGE_UNET, Versatile.of("random").autoencoder, None).skeleton().unet
    small = Versatile.of("random").skeleton().unet
    assert small.state_dict().keys() == published.state_dict().keys()


def test_half_precision_is_a_choice():
    found = Versatile.of("random").load()
    whole = found.nbytes
    assert found.to("cpu", "float16").nbytes * 2 == whole


def test_a_lacking_part_is_told_with_what_is_expected(folder):
    for path in (folder / "text_unet").glob(f"{WEIGHTS}.*"):
        path.unlink()
    with pytest.raises(WeightsMissing, match=r"versatile-diffusion .*text_unet"):
        Versatile.of(str(folder))


def test_weights_of_another_network_are_told(folder):
    other = {**SIZES, "block_out_channels": [16, 16, 16, 16]}
    (folder / "image_unet" / "config.json").write_text(json.dumps(other))
    with pytest.raises(
        WrongNetwork, match=r"image_unet, text_unet\) holds another network's weights: unet\."
    ):
        Versatile.of(str(folder)).load()


class Evil:
    """What a pickle may do."""

    def __reduce__(self):
        return (exec, ("import pathlib; pathlib.Path('executed').touch()",))


def test_nothing_in_a_file_is_executed(folder, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    for path in (folder / "vae").glob(f"{WEIGHTS}.*"):
        path.unlink()
    with zipfile.ZipFile(folder / "vae" / f"{WEIGHTS}.bin", "w") as archive:
        archive.writestr("archive/data.pkl", pickle.dumps({"encoder.conv_in.weight": Evil()}))
        archive.writestr("archive/version", "3\n")
        archive.writestr("archive/byteorder", "little")
    with pytest.raises(
        WeightsMissing, match=r"vae/diffusion_pytorch_model\.bin (holds more than numbers|is damaged)"
    ):
        Versatile.of(str(folder)).load()
    assert not (tmp_path / "executed").exists()
