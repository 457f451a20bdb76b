"""Which published weights a recipe needs, and where it says to look for them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from .autoencoder import PUBLISHED as AUTOENCODER
from .published import CATALOGUE

if TYPE_CHECKING:
    from collections.abc import Iterator

    from ..recipe import Recipe

#: What an IP-Adapter takes, by what it is an adapter of.
ADAPTED = {
    "sdxl": ("stable-diffusion-xl", "ip-adapter/sdxl"),
    "sd15": ("stable-diffusion-1-5", "ip-adapter/sd15"),
}

#: What a space `clip-image` takes, by its encoder.
EMBEDDING = {"vit-h-14": "clip-vit-h-14", "vit-bigg-14": "kandinsky-2-2-prior"}


@dataclass(frozen=True)
class Needed:
    """Weights that a recipe needs."""

    name: str
    """As `published.named` knows them."""
    weights: str
    """ "published", "random" or a path."""
    table: str
    """The table that needs them."""


def needed(recipe: Recipe) -> list[Needed]:
    """Return the weights that a recipe needs, each once for each place to look for them."""
    found: dict[tuple[str, str], Needed] = {}
    for one in _all(recipe):
        found.setdefault((one.name, one.weights), one)
    return list(found.values())


def _all(recipe: Recipe) -> Iterator[Needed]:
    usual = recipe.weights or "published"
    for name, space in recipe.features.items():
        for model in _of_features(space.model, getattr(space, "encoder", ""), getattr(space, "base", "")):
            yield Needed(model, getattr(space, "weights", None) or usual, f"features.{name}")
    for name, learned in recipe.train.items():
        if learned.model == "basic-ae":
            yield Needed(AUTOENCODER, learned.weights or usual, f"train.{name}")
    for name, images in recipe.images.items():
        base = getattr(images, "base", None) or "sdxl"
        for of_generator in _of_generator(images.generator, base):
            yield Needed(of_generator, images.weights or usual, f"images.{name}")


def _of_features(model: str, encoder: str, base: str) -> tuple[str, ...]:
    if encoder:
        return (EMBEDDING[encoder],)
    if base:
        return (ADAPTED[base][0],)
    return tuple(one.name for one in CATALOGUE.values() if model in one.features)


def _of_generator(generator: str, base: str) -> tuple[str, ...]:
    if generator == "ip-adapter":
        return ADAPTED[base]
    return tuple(one.name for one in CATALOGUE.values() if generator in one.generators)
