"""Generators by name: each can be told what recipes may tell it, and says what fingerprints must hold."""

from __future__ import annotations

import json
import pickle
from dataclasses import fields, is_dataclass

import pytest

from pipeline.diffusion.conditioned import KINDS, conditioned, kind, settings_of
from pipeline.errors import RecipeError
from pipeline.recipe import images
from pipeline.recipe.generators import CONDITIONED


def test_recipes_know_the_same_generators():
    assert set(KINDS) == set(CONDITIONED)
    known = images.Images.model_fields["generator"].annotation
    assert set(KINDS) <= set(known.__args__)


@pytest.mark.parametrize("name", KINDS)
def test_each_can_be_told_what_recipes_may_tell_it(name):
    known = {field.name for field in fields(kind(name))}
    assert {"weights", "batch", "size"} | CONDITIONED[name].keys - {"start"} <= known
    told = {"weights", "batch", "size", "faithful", "layers", *CONDITIONED[name].keys}
    assert known <= told, "a setting that no recipe can give"


@pytest.mark.parametrize("name", KINDS)
def test_each_is_a_small_description_that_travels(name):
    made = conditioned(name, weights="random")
    assert is_dataclass(made)
    assert pickle.loads(pickle.dumps(made)) == made
    assert len(pickle.dumps(made)) < 1000
    settings = settings_of(made)
    assert "weights" not in settings
    assert conditioned(name, weights="random", **json.loads(json.dumps(settings))) == made
    assert made.identity() == {"weights": "random"}
    assert set(CONDITIONED[name].roles) <= set(made.roles)
    models, layers = made.memory()
    assert models > 0
    assert layers > 0


def test_an_unknown_one_is_told_with_the_nearest():
    with pytest.raises(
        RecipeError, match=r"'vdvea' is no generator; known are vdvae, .*did you mean 'vdvae'\?"
    ):
        conditioned("vdvea")
