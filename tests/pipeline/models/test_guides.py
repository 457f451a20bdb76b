"""What CLIP says of nothing, by random weights and by those of a file."""

from __future__ import annotations

import pytest
import torch
from safetensors.torch import save_file

from pipeline.models import clip, guides
from pipeline.models.clip import END, TextTokens, VisionTokens
from pipeline.models.networks import WrongNetwork
from pipeline.models.weights import WeightsMissing

VISION = {"image_size": 28, "patch_size": 7, "width": 32, "layers": 2, "head_width": 16}
TEXT = {"context_length": 10, "vocab_size": END + 1, "width": 16, "heads": 2, "layers": 2}
SIZES = {"embed_dim": 12, "quick_gelu": True, "vision_cfg": VISION, "text_cfg": TEXT}


@pytest.fixture
def file(tmp_path, monkeypatch):
    """Return a folder with a small CLIP, as open_clip publishes it, and let it be the published one."""
    monkeypatch.setattr(clip, "described", lambda _name: SIZES)
    torch.manual_seed(1)
    vision, text = VisionTokens(SIZES), TextTokens(SIZES)
    weights = {**vision.state_dict(), **text.state_dict(), "logit_scale": torch.tensor(4.6)}
    save_file(weights, tmp_path / "open_clip_model.safetensors")
    return tmp_path, vision.eval(), text.eval()


def test_nothing_is_an_empty_text_and_a_grey_picture(file):
    folder, vision, text = file
    found = guides.of_nothing(str(folder))
    with torch.no_grad():
        seen = vision(torch.full((1, 28, 28, 3), 127))
        read = text(torch.tensor([[49406, *[END] * 9]]))
    torch.testing.assert_close(found["vision"], seen)
    torch.testing.assert_close(found["text"], read)
    assert {role: tuple(one.shape) for role, one in found.items()} == {
        "text": (1, 10, 12),
        "vision": (1, 17, 12),
    }


def test_random_ones_are_the_same_each_time():
    one, other = guides.of_nothing("random"), guides.of_nothing("random")
    width = clip.RANDOM["embed_dim"]
    assert {role: tuple(each.shape) for role, each in one.items()} == {
        "text": (1, 77, width),
        "vision": (1, 257, width),
    }
    assert all(torch.equal(one[role], other[role]) for role in one)
    assert guides.identity_of("random") == {"weights": "random"}


def test_identity_is_the_file_s(file):
    (said,) = guides.identity_of(str(file[0])).items()
    assert said[0] == "open_clip_model.safetensors"
    assert len(said[1]) == 64


def test_another_clip_is_told(file):
    folder, vision, _ = file
    save_file(vision.state_dict(), folder / "open_clip_model.safetensors")
    with pytest.raises(WrongNetwork, match="is not there"):
        guides.of_nothing(str(folder))


def test_no_clip_is_told(tmp_path):
    with pytest.raises(WeightsMissing, match="clip-vit-l-14"):
        guides.of_nothing(str(tmp_path))
