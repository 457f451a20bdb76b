"""Painters: what made the pictures of each table of ``[images]``, in words."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ..recipe.training import RESPONSES, model_of

if TYPE_CHECKING:
    from collections.abc import Iterator

    from ..recipe import Recipe
    from ..recipe.images import Images


def painters(recipe: Recipe) -> Iterator[tuple[str, str]]:
    """Yield the name of each table of images, and what made its pictures."""
    for name, table in recipe.images.items():
        steps = "" if table.steps is None else f", in {table.steps} step{'s' if table.steps > 1 else ''}"
        start = "" if table.start is None else f", over the pictures of {table.start}"
        yield name, f"{_painter(recipe, name, table)}{steps}{start}."


def _painter(recipe: Recipe, name: str, table: Images) -> str:
    """Return what paints and what it is told; features are predicted, or true for a ceiling."""
    what = "true" if table.truth else "predicted"
    if table.generator == "mean":
        return "The mean of the training pictures, whatever was seen"
    if table.generator == "nearest":
        return f"The training picture whose {table.features} is nearest to the {what} one"
    if table.linear:
        return f"The picture that the {what} {table.features} stands for"
    if table.conditioned:
        spaces = " and ".join(dict.fromkeys(table.spaces))
        return f"Painted by {table.generator} from the {what} {spaces}"
    if table.generator == "basic-ae" and table.truth:
        return "What was seen, through the autoencoder of basic-ae and back: no encoder of voxels does better"
    model = model_of(name, table, recipe.train)
    assert model is not None, "the recipe was checked"
    features = recipe.train[model].features
    told = "voxels" if features == (RESPONSES,) else f"{what} {' and '.join(features)}"
    return f"Painted by {table.generator}, which learned here as {model}, from the {told}"
