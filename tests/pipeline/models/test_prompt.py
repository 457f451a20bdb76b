"""Prompts: what transformers' encoders say, token by token, as the generator hears of no text."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from pipeline.diffusion.adapters import IpAdapter
from pipeline.features.captions import Prompts
from pipeline.features.encoders import encoded
from pipeline.models.clip import numbers_of
from pipeline.models.prompt import prompt
from pipeline.models.stable_diffusion import BASES, no_text
from pipeline.models.weights import WeightsMissing
from tests.layouts import save_adapted

TEXTS = ["a red disc on a striped ground", "", "two crosses"]
CLASSES = {"text_encoder": "CLIPTextModel", "text_encoder_2": "CLIPTextModelWithProjection"}


@pytest.fixture(scope="module", params=["sd15", "sdxl"])
def saved(request, tmp_path_factory):
    root = tmp_path_factory.mktemp(request.param)
    save_adapted(root, request.param)
    return root, request.param


def expected(root, base, text):
    """One text by transformers alone, filled up as the tokenizers of the two say."""
    import transformers

    (numbers,) = numbers_of([text]).tolist()
    length = numbers.index(49407) + 1
    words, pooled = [], []
    for name, padding in {"text_encoder": 49407, "text_encoder_2": 0}.items():
        if base == "sd15" and name == "text_encoder_2":
            continue
        encoder = getattr(transformers, CLASSES[name]).from_pretrained(root / BASES[base].model / name)
        with torch.no_grad():
            filled = torch.tensor([numbers[:length] + [padding] * (77 - length)])
            said = encoder(filled, output_hidden_states=True)
        words.append(said.last_hidden_state if base == "sd15" else said.hidden_states[-2])
        if name == "text_encoder_2":
            pooled.append(said.text_embeds)
    return torch.cat([torch.cat(words, dim=-1).flatten(1), *pooled], dim=1)


def test_texts_are_told_as_transformers_tells_them(saved):
    root, base = saved
    network = prompt(base, str(root)).load()
    with torch.inference_mode():
        found = network(numbers_of(TEXTS))
    for text, one in zip(TEXTS, found, strict=True):
        torch.testing.assert_close(one[None], expected(root, base, text), rtol=1e-5, atol=1e-5)


def test_the_empty_text_is_what_guidance_goes_away_from(saved):
    root, base = saved
    made = prompt(base, str(root))
    heard = no_text(BASES[base].texts, IpAdapter(str(root), size=64, base=base).once, torch.float32, "cpu")
    with torch.inference_mode():
        torch.testing.assert_close(made.load()(numbers_of([""])), heard, rtol=1e-5, atol=1e-5)


def test_captions_of_a_picture_are_averaged(saved):
    root, base = saved
    read = Prompts(str(root), 2, base)
    captions = np.array([["a disc", "a red disc"], ["a cross", " "]], object)
    found = encoded(read, lambda start, stop: read.numbers(captions[start:stop]), 2, 2)
    texts = [expected(root, base, one).numpy()[0] for one in ("a disc", "a red disc", "a cross")]
    np.testing.assert_allclose(found[0], (texts[0] + texts[1]) / 2, rtol=1e-4, atol=1e-5)
    np.testing.assert_allclose(found[1], texts[2], rtol=1e-4, atol=1e-5)
    assert read.unflattened == found.shape[1:]


def test_weights_are_told_from_others_and_missed_by_name(saved, tmp_path):
    root, base = saved
    names = {f"{one.part}/model.safetensors" for one in BASES[base].texts}
    assert names < set(prompt(base, str(root)).identity())
    assert prompt(base, "random").identity() == {"weights": "random"}
    with pytest.raises(WeightsMissing, match=BASES[base].model):
        prompt(base, str(tmp_path)).identity()
