"""Which weights a recipe needs, and where it looks for them."""

from __future__ import annotations

from types import SimpleNamespace

import pytest

from pipeline.models.needed import needed
from pipeline.models.published import CATALOGUE


def recipe(weights=None, features=None, train=None, images=None):
    def tables(said):
        return {name: SimpleNamespace(**{"weights": None, **table}) for name, table in (said or {}).items()}

    return SimpleNamespace(
        weights=weights, features=tables(features), train=tables(train), images=tables(images)
    )


def found(asked):
    return {one.name: (one.weights, one.table) for one in needed(asked)}


def test_features_and_generators():
    asked = recipe(
        features={"clip-text": {"model": "clip-text"}, "pixels": {"model": "pixels"}},
        images={"low-level": {"generator": "vdvae"}, "final": {"generator": "versatile-diffusion"}},
    )
    assert found(asked) == {
        "clip-vit-l-14": ("published", "features.clip-text"),
        "vdvae": ("published", "images.low-level"),
        "versatile-diffusion": ("published", "images.final"),
    }


def test_a_table_comes_before_the_recipe():
    asked = recipe(
        weights="random",
        features={"vdvae": {"model": "vdvae", "weights": "/mine"}},
        images={"low-level": {"generator": "vdvae"}},
    )
    assert [(one.name, one.weights) for one in needed(asked)] == [("vdvae", "/mine"), ("vdvae", "random")]


@pytest.mark.parametrize(
    ("base", "expected"),
    [
        (None, {"stable-diffusion-xl", "ip-adapter/sdxl"}),
        ("sd15", {"stable-diffusion-1-5", "ip-adapter/sd15"}),
    ],
)
def test_an_adapter_needs_what_it_adapts(base, expected):
    asked = recipe(images={"final": {"generator": "ip-adapter", "base": base}})
    assert set(found(asked)) == expected


@pytest.mark.parametrize(
    ("encoder", "expected"), [("vit-h-14", "clip-vit-h-14"), ("vit-bigg-14", "kandinsky-2-2-prior")]
)
def test_an_embedding_needs_its_encoder(encoder, expected):
    asked = recipe(features={"seen": {"model": "clip-image", "encoder": encoder}})
    assert set(found(asked)) == {expected}


def test_a_decoder_of_latents_needs_the_autoencoder():
    asked = recipe(train={"x": {"model": "basic-ae"}, "y": {"model": "voxel-ddpm"}})
    assert found(asked) == {"stable-diffusion-1-5/vae": ("published", "train.x")}


def test_each_generator_of_the_catalogue_needs_something():
    for generator in {name for model in CATALOGUE.values() for name in model.generators}:
        assert needed(recipe(images={"x": {"generator": generator}}))
