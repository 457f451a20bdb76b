"""Presets: complete recipes but for the data."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from pipeline.errors import RecipeError
from pipeline.presets import preset_tables, preset_text, presets
from pipeline.recipe import Recipe

if TYPE_CHECKING:
    from pathlib import Path

DATA = {
    "dataset": "arrays",
    "source": "voxels.npz",
    "archive": "archive",
    "subjects": ["s1"],
    "arrays": {name: name for name in ("train_voxels", "test_voxels", "train_images", "test_images")},
}


def test_presets_are_listed_by_name() -> None:
    assert presets() == ("basic-ae", "conditional-ddpm", "pca", "pixels", "voxel-ddpm")


@pytest.mark.parametrize("name", presets())
def test_a_preset_lacks_nothing_but_the_data(name: str, tmp_path: Path) -> None:
    tables = set(preset_tables(name))
    assert tables - {"train", "responses"} <= {"features", "ridge", "images", "scores"}
    recipe = Recipe.from_mapping({"preset": name, "data": DATA}, tmp_path)
    assert set(recipe.features) == set(recipe.ridge.spaces)
    painted_from = {table.features for table in recipe.images.values()} - {None}
    assert set(recipe.features) == painted_from | recipe.held_out
    assert recipe.images["final"].generator == name
    assert recipe.scores["final"].images == "final"


@pytest.mark.parametrize("name", presets())
def test_every_constant_of_a_preset_has_its_reason(name: str) -> None:
    constants = [line for line in preset_text(name).splitlines() if "=" in line.partition("#")[0]]
    bare = [line for line in constants if "#" not in line and not line.startswith(("model", "metrics"))]
    assert not bare


def test_unknown_preset_is_answered_with_the_nearest() -> None:
    with pytest.raises(
        RecipeError,
        match=r"'pixls' does not exist; .*conditional-ddpm, pca, pixels, voxel-ddpm; did you mean 'pixels'\?",
    ):
        preset_text("pixls")


def test_a_preset_is_no_path() -> None:
    with pytest.raises(RecipeError, match="does not exist"):
        preset_text("../presets/pixels")
