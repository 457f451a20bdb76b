"""Kandinsky's image encoder: read from its folder, and equal to transformers' own."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from pipeline.errors import ShapeError
from pipeline.models.architectures import RANDOM_VISION_G
from pipeline.models.image_encoder import ImageEncoder
from pipeline.models.parts import Part
from pipeline.models.pretrained import Pretrained, _learned
from tests.layouts import save

KIND = "CLIPVisionModelWithProjection"


def build():
    return ImageEncoder(RANDOM_VISION_G)


def test_a_folder_of_transformers_is_read_and_sees_the_same(tmp_path):
    part = Part(KIND, RANDOM_VISION_G)
    save(part, tmp_path / "kandinsky-2-2-prior" / "image_encoder")
    found = Pretrained("kandinsky-2-2-prior", "vision", str(tmp_path), build, _learned).load()
    pictures = np.random.default_rng(0).integers(0, 256, (2, 224, 224, 3), np.uint8)
    mean, std = (0.48145466, 0.4578275, 0.40821073), (0.26862954, 0.26130258, 0.27577711)
    theirs = torch.tensor((pictures / 255 - mean) / std, dtype=torch.float32).permute(0, 3, 1, 2)
    with torch.no_grad():
        expected = part.load(torch.float32)(theirs).image_embeds
        seen = found(torch.from_numpy(pictures))
    assert seen.shape == (2, 1280)
    torch.testing.assert_close(seen.cpu(), expected, rtol=1e-5, atol=1e-5)


def test_pictures_of_another_size_are_refused():
    with pytest.raises(ShapeError, match=r"expected \(picture, 224, 224, 3\)"):
        build()(torch.zeros(1, 64, 64, 3))


def test_what_is_no_weight_is_left_out():
    assert _learned("vision_model.embeddings.class_embedding")
    assert not _learned("vision_model.embeddings.position_ids")
