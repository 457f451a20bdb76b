"""Networks of others: found, given their weights whatever else the file holds, told apart."""

from __future__ import annotations

import hashlib
from functools import partial

import pytest
import torch
from safetensors.torch import save_file

from pipeline.models import clip
from pipeline.models.hierarchy import RANDOM, Hierarchy
from pipeline.models.networks import WrongNetwork, nbytes
from pipeline.models.pretrained import Pretrained, clip_image, clip_text, clip_vision, kandinsky_image, vdvae
from pipeline.models.vdvae import VDVAE
from pipeline.models.vision_ops import prepare_torchvision
from pipeline.models.weights import WeightsMissing

SMALL = Hierarchy("4x1,4d4,1x1", "1x1,4m1", width=8)
KINDS = (vdvae, clip_vision, clip_text, clip_image, kandinsky_image)


def small(weights):
    return Pretrained("vdvae", "whole", str(weights), partial(VDVAE, SMALL))


@pytest.fixture
def file(tmp_path):
    torch.manual_seed(1)
    path = tmp_path / "small.th"
    torch.save({f"module.{name}": one for name, one in VDVAE(SMALL).state_dict().items()}, path)
    return path


@pytest.mark.parametrize("kind", KINDS)
def test_random_ones_are_the_same_each_time_and_draw_nothing_from_others(kind):
    torch.manual_seed(5)
    one, other = kind("random").load(), kind("random").load()
    drawn = torch.rand(1)
    torch.manual_seed(5)
    assert torch.equal(drawn, torch.rand(1))
    again = other.state_dict()
    for name, weight in one.state_dict().items():
        assert torch.equal(weight, again[name]), name
    assert not any(weight.requires_grad for weight in one.parameters())
    assert not one.training
    assert kind("random").identity() == {"weights": "random"}
    assert kind("random").nbytes == nbytes(one)


def test_weights_come_from_the_file(file):
    expected, found = torch.load(file), small(file).load()
    for name, weight in found.state_dict().items():
        assert torch.equal(weight, expected[f"module.{name}"])
    assert small(file).identity() == {"small.th": hashlib.sha256(file.read_bytes()).hexdigest()}
    assert small(file).on_worker() is small(file).on_worker()


@pytest.mark.parametrize(("part", "prefix"), [("TextTokens", ""), ("VisionTokens", "visual.")])
def test_a_part_of_clip_is_taken_from_the_whole(tmp_path, part, prefix):
    prepare_torchvision()
    import open_clip

    torch.manual_seed(2)
    whole = open_clip.CLIP(**clip.RANDOM).half()
    save_file(whole.state_dict(), tmp_path / "open_clip_model.safetensors")
    kind = clip_vision if prefix else clip_text
    published = kind(str(tmp_path))
    build = partial(getattr(clip, part), clip.RANDOM)
    made = Pretrained(published.name, "part", str(tmp_path), build, published.kept).load()
    assert all(one.dtype == torch.float32 and not one.is_meta for one in made.state_dict().values())
    for name, weight in made.state_dict().items():
        assert torch.equal(weight, whole.state_dict()[name].float()), name
    told = torch.zeros(1, 224, 224, 3) if prefix else clip.numbers_of(["a dog"])
    assert torch.isfinite(made(told)).all()


def test_other_weights_are_told(file, tmp_path):
    with pytest.raises(WrongNetwork, match=r"small.th holds another network's weights"):
        Pretrained("vdvae", "whole", str(file), partial(VDVAE, RANDOM)).load()
    with pytest.raises(WeightsMissing, match="vdvae"):
        small(tmp_path / "nothing").identity()
    planned = small(file).identity()
    small(file).insist(planned)
    with pytest.raises(WeightsMissing, match="put the same on every machine"):
        small(file).insist({"small.th": "0" * 64})
