"""CLIP's tokens: equal to those of transformers on the same weights, the same texts and pictures."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from pipeline.errors import ShapeError
from pipeline.models.clip import (
    END,
    LARGER,
    PUBLISHED,
    RANDOM,
    RANDOM_LARGER,
    ImageEmbedding,
    TextTokens,
    VisionTokens,
    described,
    mean_of_texts,
    numbers_of,
)
from pipeline.models.networks import parameters
from pipeline.models.vision_ops import prepare_torchvision

LAYERS, FEATURES = 2, 12
VISION = {"image_size": 28, "patch_size": 7, "width": 32, "layers": LAYERS, "head_width": 16}
TEXT = {"context_length": 10, "vocab_size": END + 1, "width": 16, "heads": 2, "layers": LAYERS}
SIZES = {"embed_dim": FEATURES, "quick_gelu": True, "vision_cfg": VISION, "text_cfg": TEXT}
TEXTS = ["A dog.", "", "two dogs run after one another on a long and sandy beach", "Caf\u00e9: 12 CAKES!"]


def some(network):
    """Return it with weights that are nowhere 0 or 1."""
    torch.manual_seed(0)
    for one in network.parameters():
        one.data += 0.2 * torch.randn_like(one)
    return network.requires_grad_(requires_grad=False).eval()


def renamed(weights, prefix):
    """Return the weights of layers by the names that transformers has for them, in one of its towers."""
    names = {"mlp.c_fc": "mlp.fc1", "mlp.c_proj": "mlp.fc2", "attn.out_proj": "self_attn.out_proj"}
    names |= {"ln_1": "layer_norm1", "ln_2": "layer_norm2"}
    made = {}
    for at in range(LAYERS):
        ours, theirs = f"{prefix}transformer.resblocks.{at}.", f"encoder.layers.{at}."
        for kind in ("weight", "bias"):
            for before, after in names.items():
                made[f"{theirs}{after}.{kind}"] = weights[f"{ours}{before}.{kind}"]
            parts = weights[f"{ours}attn.in_proj_{kind}"].chunk(3)
            for one, part in zip("qkv", parts, strict=True):
                made[f"{theirs}self_attn.{one}_proj.{kind}"] = part
    return made


def norms(weights, names):
    kinds = ("weight", "bias")
    return {
        f"{after}.{kind}": weights[f"{before}.{kind}"] for before, after in names.items() for kind in kinds
    }


def given(model, tower, weights, projection):
    """Return one of transformers' models with these weights."""
    model.load_state_dict({f"{tower}.{name}": one for name, one in weights.items()} | projection)
    return model.eval()


@pytest.fixture
def pictures():
    return torch.from_numpy(np.random.default_rng(0).integers(0, 256, (2, 28, 28, 3), np.uint8))


def test_pictures_are_told_as_transformers_does(pictures):
    prepare_torchvision()
    from transformers import CLIPImageProcessor, CLIPVisionConfig, CLIPVisionModelWithProjection

    network = some(VisionTokens(SIZES))
    w = {name.removeprefix("visual."): one for name, one in network.state_dict().items()}
    embeddings = {
        "embeddings.class_embedding": w["class_embedding"],
        "embeddings.patch_embedding.weight": w["conv1.weight"],
        "embeddings.position_embedding.weight": w["positional_embedding"],
    }
    named = embeddings | norms(w, {"ln_pre": "pre_layrnorm", "ln_post": "post_layernorm"}) | renamed(w, "")
    sizes = CLIPVisionConfig(
        hidden_size=32,
        intermediate_size=128,
        num_hidden_layers=LAYERS,
        num_attention_heads=2,
        image_size=28,
        patch_size=7,
        projection_dim=FEATURES,
        hidden_act="quick_gelu",
    )
    projection = {"visual_projection.weight": w["proj"].T}
    theirs = given(CLIPVisionModelWithProjection(sizes), "vision_model", named, projection)
    kept = {"do_resize": False, "do_center_crop": False}
    processed = CLIPImageProcessor(**kept)(list(pictures.numpy()), return_tensors="pt")["pixel_values"]
    with torch.no_grad():
        said = theirs(processed)
        tokens = theirs.visual_projection(theirs.vision_model.post_layernorm(said.last_hidden_state))
        expected = tokens / said.image_embeds.norm(dim=-1)[:, None, None]
    assert expected.shape == (2, 17, FEATURES)
    torch.testing.assert_close(network(pictures), expected, rtol=0, atol=1e-5)
    whole = some(ImageEmbedding(SIZES))
    whole.load_state_dict(network.state_dict())
    torch.testing.assert_close(whole(pictures), said.image_embeds, rtol=0, atol=1e-5)


def test_the_larger_one_tells_as_much_as_ip_adapter_takes():
    with torch.device("meta"):
        for sizes in (described(LARGER), RANDOM_LARGER):
            assert not sizes.get("quick_gelu")
            assert ImageEmbedding(sizes)(torch.empty(2, 224, 224, 3)).shape == (2, 1024)


def test_texts_are_told_as_transformers_does():
    prepare_torchvision()
    from transformers import CLIPTextConfig, CLIPTextModelWithProjection

    network = some(TextTokens(SIZES))
    w = network.state_dict()
    embeddings = {
        "embeddings.token_embedding.weight": w["token_embedding.weight"],
        "embeddings.position_embedding.weight": w["positional_embedding"],
    }
    named = embeddings | norms(w, {"ln_final": "final_layer_norm"}) | renamed(w, "")
    sizes = CLIPTextConfig(
        vocab_size=END + 1,
        hidden_size=16,
        intermediate_size=64,
        num_hidden_layers=LAYERS,
        num_attention_heads=2,
        max_position_embeddings=10,
        projection_dim=FEATURES,
        hidden_act="quick_gelu",
        eos_token_id=END,
    )
    projection = {"text_projection.weight": w["text_projection"].T}
    theirs = given(CLIPTextModelWithProjection(sizes), "text_model", named, projection)
    numbers = numbers_of(TEXTS, 10)
    with torch.no_grad():
        said = theirs(numbers)
        expected = (
            theirs.text_projection(said.last_hidden_state) / said.text_embeds.norm(dim=-1)[:, None, None]
        )
    torch.testing.assert_close(network(numbers), expected, rtol=0, atol=1e-5)


def test_numbers_are_those_of_transformers():
    prepare_torchvision()
    import open_clip
    from transformers import CLIPTokenizer

    known = open_clip.get_tokenizer(PUBLISHED)
    vocabulary = {**known.encoder, "<|startoftext|>": 49406, "<|endoftext|>": END}
    for name in ("<start_of_text>", "<end_of_text>"):
        del vocabulary[name]
    theirs = CLIPTokenizer(vocab=vocabulary, merges=list(known.bpe_ranks))
    expected = theirs(TEXTS, padding="max_length", truncation=True, max_length=10)["input_ids"]
    assert numbers_of(TEXTS, 10).tolist() == expected


def test_the_end_of_a_text_is_filled_up_with():
    short, none, long = numbers_of(TEXTS[:3], 10).tolist()
    assert short[:1] + short[4:] == [49406] + [END] * 6
    assert END not in short[:4]
    assert none == [49406] + [END] * 9
    assert (long.count(END), long[-1]) == (1, END)


def test_the_published_tokens_are_as_many_as_brain_diffuser_predicts():
    sizes = described()
    assert sizes["quick_gelu"]
    with torch.device("meta"):
        vision, text = VisionTokens(sizes), TextTokens(sizes)
        assert vision(torch.empty(1, 224, 224, 3)).shape == (1, 257, 768)
        assert text(torch.zeros(1, 77, dtype=torch.int64)).shape == (1, 77, 768)
        import open_clip

        whole = open_clip.CLIP(**sizes)
    assert {**vision.state_dict(), **text.state_dict()}.keys() | {"logit_scale"} == whole.state_dict().keys()
    assert parameters(vision) + parameters(text) + 1 == parameters(whole) == 427_616_513


def test_the_random_one_has_as_many():
    vision, text = VisionTokens(RANDOM), TextTokens(RANDOM)
    with torch.no_grad():
        seen, read = vision(torch.zeros(1, 224, 224, 3)), text(numbers_of(["a dog"]))
    assert (seen.shape, read.shape) == ((1, 257, RANDOM["embed_dim"]), (1, 77, RANDOM["embed_dim"]))
    ends = torch.stack([seen[0, 0].norm(), read[0, 3].norm()])
    torch.testing.assert_close(ends, torch.ones(2))


def test_texts_of_one_picture_are_averaged():
    tokens = torch.arange(12.0).reshape(3, 2, 2)
    assert torch.equal(mean_of_texts(tokens, [2, 1]), torch.stack([tokens[:2].mean(0), tokens[2]]))
    with pytest.raises(ShapeError, match="picture 1 has no caption"):
        mean_of_texts(tokens, [3, 0])


def test_pictures_of_another_size_are_told():
    with pytest.raises(ShapeError, match=r"expected \(picture, 28, 28, 3\): resize them before"):
        VisionTokens(SIZES)(torch.zeros(1, 32, 32, 3))
