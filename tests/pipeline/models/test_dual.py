"""Two transformers in the place of one: mixed as diffusers does, named as the published weights are."""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest
import torch

from pipeline.models.dual import Dual, DualUNet, image_unet, joined, places
from pipeline.models.networks import parameters
from pipeline.models.versatile import IMAGE_UNET, SMALL
from pipeline.models.vision_ops import prepare_torchvision

WIDTH = 12
SIZES = {**IMAGE_UNET, **SMALL, "cross_attention_dim": WIDTH}
ROOT = Path(__file__).parents[3]


def facts():
    """Return names and shapes of the published UNets, where somebody has them."""
    folder = Path(os.environ.get("VOX2PIX_TEST_FACTS") or ROOT.parent / "shared" / "facts")
    file = folder / "vd_diffusers_state_dict.json"
    if not file.is_file():
        pytest.skip(f"VOX2PIX_TEST_FACTS names no folder with {file.name}, and {folder} is none")
    return json.loads(file.read_text())


def transformer(seed):
    prepare_torchvision()
    from diffusers import Transformer2DModel

    torch.manual_seed(seed)
    made = Transformer2DModel(
        num_attention_heads=2,
        attention_head_dim=4,
        in_channels=8,
        cross_attention_dim=WIDTH,
        norm_num_groups=4,
    )
    return made.requires_grad_(requires_grad=False).eval()


@pytest.fixture(scope="module")
def unet():
    torch.manual_seed(0)
    return DualUNet(SIZES).requires_grad_(requires_grad=False).eval()


@pytest.fixture
def told():
    source = torch.Generator().manual_seed(1)
    shapes = {"noisy": (2, 4, 8, 8), "text": (2, 7, WIDTH), "vision": (2, 5, WIDTH)}
    made = {name: torch.randn(shape, generator=source) for name, shape in shapes.items()}
    return {**made, "time": torch.tensor([721, 1])}


def test_dual_is_that_of_diffusers():
    prepare_torchvision()
    from diffusers.models.transformers.dual_transformer_2d import DualTransformer2DModel

    vision, text = transformer(0), transformer(1)
    theirs = DualTransformer2DModel(2, 4, in_channels=8, cross_attention_dim=WIDTH, norm_num_groups=4)
    theirs.transformers[0], theirs.transformers[1] = vision, text
    theirs.condition_lengths = [7, 5]
    h, tokens = (
        torch.randn(3, 8, 6, 6),
        {"text": torch.randn(3, 7, WIDTH), "vision": torch.randn(3, 5, WIDTH)},
    )
    both = torch.cat([tokens["text"], tokens["vision"]], dim=1)
    for mixing in (0.0, 0.4, 1.0):
        theirs.mix_ratio = mixing  # of the first condition, the text
        expected = theirs(h, both, return_dict=False)[0]
        found = Dual(vision, text)(h, cross_attention_kwargs={**tokens, "mixing": mixing})[0]
        torch.testing.assert_close(found, expected, rtol=0, atol=1e-5)
        assert (found - h).abs().mean() > 0.01


def test_every_transformer_of_the_unet_becomes_two(unet):
    alone = image_unet(SIZES)
    assert len(places(alone)) == 16
    for name in places(alone):
        assert isinstance(unet.unet.get_submodule(name), Dual)
    assert len(places(unet.unet)) == 32


def test_with_one_guide_it_is_the_image_unet_itself(unet, told):
    """At mixing 0, to the bit, whatever the text's transformers hold."""
    image = image_unet(SIZES).eval()
    own = {name.removeprefix("unet."): one for name, one in unet.state_dict().items() if ".text." not in name}
    image.load_state_dict({name.replace(".vision.", "."): one for name, one in own.items()})
    with torch.no_grad():
        expected = image(told["noisy"], told["time"], told["vision"]).sample
        found = unet(told["noisy"], told["time"], None, told["vision"], 0)
    torch.testing.assert_close(found, expected, rtol=0, atol=0)


@pytest.mark.parametrize(("mixing", "alone", "other"), [(1, "text", "vision"), (0, "vision", "text")])
def test_at_either_end_one_guide_is_left(unet, told, mixing, alone, other):
    with torch.no_grad():
        found = unet(told["noisy"], told["time"], told["text"], told["vision"], mixing)
        blind = unet(**{**told, other: None}, mixing=mixing)
        torch.testing.assert_close(blind, found, rtol=0, atol=0)
        changed = unet(**{**told, alone: told[alone] + 1}, mixing=mixing)
    assert (changed - found).abs().max() > 1e-3


def test_in_between_both_guide_and_the_way_is_continuous(unet, told):
    with torch.no_grad():
        made = {mixing: unet(**told, mixing=mixing) for mixing in (0, 1e-6, 0.4, 1 - 1e-6, 1)}
        for role in ("text", "vision"):
            changed = unet(**{**told, role: told[role] + 1}, mixing=0.4)
            assert (changed - made[0.4]).abs().max() > 1e-4
    torch.testing.assert_close(made[1e-6], made[0], rtol=0, atol=1e-4)
    torch.testing.assert_close(made[1 - 1e-6], made[1], rtol=0, atol=1e-4)


def test_names_and_shapes_are_the_published_ones():
    said = facts()
    with torch.device("meta"):
        image, dual = image_unet(IMAGE_UNET), DualUNet(IMAGE_UNET)
    assert {name: list(one.shape) for name, one in image.state_dict().items()} == said["image_unet"]
    given = {
        kind: {name: torch.empty(shape, device="meta") for name, shape in said[kind].items()}
        for kind in ("image_unet", "text_unet")
    }
    found = joined(given["image_unet"], given["text_unet"])
    expected = dual.state_dict()
    assert {name: one.shape for name, one in found.items()} == {
        name: one.shape for name, one in expected.items()
    }
    assert len(found) == 686 + 416


def test_it_has_as_many_parameters_as_the_published_ones():
    with torch.device("meta"):
        assert parameters(image_unet(IMAGE_UNET)) == 859_520_964
        assert parameters(DualUNet(IMAGE_UNET)) == 1_126_760_324


def test_of_the_text_unet_transformers_alone_are_taken():
    image = image_unet(SIZES).state_dict()
    text = image_unet(SIZES).state_dict()
    rest = {name: torch.zeros(1) for name in text if ".attentions." not in name}  # shaped as no picture's are
    made = joined(image, {**text, **rest, "down_blocks.0.resnets.0.something.else": torch.zeros(2)})
    network = DualUNet(SIZES)
    network.load_state_dict(made)
    name = "mid_block.attentions.0"
    for kind, given in (("vision", image), ("text", text)):
        found = network.state_dict()[f"unet.{name}.{kind}.proj_in.weight"]
        assert torch.equal(found, given[f"{name}.proj_in.weight"])
